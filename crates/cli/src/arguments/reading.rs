//! Which commands only read. They make neither a data directory nor a database where there is none.

use super::{
    AccountCommand, Command, CompanyCommand, ConnectCommand, DeploymentCommand, DiscountCommand, KeyCommand,
    MapCommand, MasterKeyCommand, OperatorKeyCommand, OrdersCommand, OrganizationCommand, PricesCommand,
    UsageCommand, UserCommand, UtcOffsetCommand, WebhookCommand,
};

impl Command {
    /// Whether the command changes nothing in the database.
    pub(crate) const fn only_reads(&self) -> bool {
        match self {
            Self::Status
            | Self::Verify
            | Self::ObjectKeys
            | Self::Audit(_)
            | Self::Config(_)
            | Self::Completions { .. }
            | Self::Man { .. } => true,
            Self::Company(command) => matches!(command, CompanyCommand::List { .. }),
            Self::Organization(command) => matches!(command, OrganizationCommand::List { .. }),
            Self::Key(command) => matches!(command, KeyCommand::List { .. }),
            Self::User(command) => matches!(command, UserCommand::List { .. }),
            Self::Orders { command } => matches!(command, OrdersCommand::Explain(_) | OrdersCommand::List(_)),
            Self::Prices(command) => match command {
                PricesCommand::Lists { order } => order.is_empty(),
                PricesCommand::Explain(_) | PricesCommand::Export { .. } | PricesCommand::List { .. } => true,
                PricesCommand::Import { .. } | PricesCommand::Remove { .. } => false,
            },
            Self::Discount(command) => matches!(command, DiscountCommand::List),
            Self::Usage(command) => matches!(
                command,
                UsageCommand::Unpriced { .. }
                    | UsageCommand::Free(_)
                    | UsageCommand::Corrections(_)
                    | UsageCommand::Explain(_)
            ),
            Self::Account(command) => {
                matches!(
                    command,
                    AccountCommand::Show { .. }
                        | AccountCommand::List { .. }
                        | AccountCommand::Ledger { .. }
                        | AccountCommand::LowBalance { amount: None, off: false, .. }
                )
            }
            Self::MasterKey(command) => matches!(command, MasterKeyCommand::Show),
            Self::OperatorKey(command) => matches!(command, OperatorKeyCommand::List),
            Self::Connect(command) => {
                matches!(command, ConnectCommand::Map(MapCommand::List { .. }))
            }
            Self::Webhook(command) => matches!(
                command,
                WebhookCommand::List { .. } | WebhookCommand::Deliveries { .. } | WebhookCommand::Events
            ),
            Self::UtcOffset(command) => matches!(command, UtcOffsetCommand::Show),
            Self::Deployment(command) => matches!(command, DeploymentCommand::Show),
            Self::Quickstart(_) | Self::Serve(_) | Self::Settle | Self::Database(_) => false,
        }
    }
}
