//! Verification of a whole company and of the deployment, and the list of its parts.

use std::collections::BTreeSet;

use tollbook_domain::time::month_of_day;
use tollbook_domain::{Catalogue, Status};

use super::orders::LineSums;
use super::report::Report;
use crate::error::StoreResult;
use crate::maintenance::{Verification, Verify};
use crate::sql::orders::periods::{DAY, HOUR, MONTH};
use crate::sql::session::Session;
use crate::verification::{PartSizes, VerificationPart, VerifiedPart};

impl Verify for Session {
    fn verify(&mut self, company_id: i64, catalogue: &Catalogue, limit: usize) -> StoreResult<Verification> {
        let mut report = Report::new(limit);
        for status in Status::ALL {
            let mut months: BTreeSet<i64> = BTreeSet::new();
            let mut days: BTreeSet<i64> = BTreeSet::new();
            let mut hours: BTreeSet<i64> = BTreeSet::new();
            let mut month = (i64::MIN, LineSums::new());
            while let Some(day) = self.next_day(company_id, status, days.last().map_or(0, |day| day + 1))? {
                days.insert(day);
                let (sums, of_day) = self.verify_day(company_id, status, day, catalogue, &mut report)?;
                hours.extend(of_day);
                if month.0 != month_of_day(day) {
                    self.compare(company_id, status, MONTH, month.0, &month.1, &mut report)?;
                    month = (month_of_day(day), LineSums::new());
                    months.insert(month.0);
                }
                for (line_no, measures) in &sums {
                    month.1.entry(*line_no).or_default().add(measures);
                }
            }
            self.compare(company_id, status, MONTH, month.0, &month.1, &mut report)?;
            self.find_extra_periods(company_id, status, DAY, &days, &mut report)?;
            self.find_extra_periods(company_id, status, MONTH, &months, &mut report)?;
            self.find_extra_periods(company_id, status, HOUR, &hours, &mut report)?;
        }
        let view = self.view(company_id)?;
        if view.order_count != report.found.orders {
            let counted = report.found.orders;
            report.differ(|| {
                format!("company {company_id}: {} orders noted, {counted} counted", view.order_count)
            });
        }
        self.count_numbers(company_id, &mut report)?;
        self.count_tiles(company_id, &mut report)?;
        self.verify_lines(company_id, &mut report)?;
        self.verify_usage(company_id, catalogue, &mut report)?;
        self.verify_accounts(company_id, &mut report)?;
        self.verify_exports(company_id, &mut report)?;
        for difference in self.differences_of_chain(company_id, limit)? {
            report.differ(|| difference);
        }
        Ok(report.found)
    }

    fn verify_deployment(&mut self, limit: usize) -> StoreResult<Vec<String>> {
        self.differences_of_deployment(limit)
    }

    fn parts_of_deployment(&mut self) -> StoreResult<Vec<VerificationPart>> {
        Ok(self.list_deployment_parts())
    }

    fn parts_of_company(&mut self, company_id: i64, sizes: &PartSizes) -> StoreResult<Vec<VerificationPart>> {
        self.list_company_parts(company_id, sizes)
    }

    fn verify_part(
        &mut self,
        part: &VerificationPart,
        catalogue: &Catalogue,
        sizes: &PartSizes,
        limit: usize,
    ) -> StoreResult<VerifiedPart> {
        self.verified_part(part, catalogue, sizes, limit)
    }
}
