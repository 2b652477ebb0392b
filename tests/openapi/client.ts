// Calls a started server with the clients that openapi-typescript generates from its documents, and prints what they got as
// JSON. The types are checked by the compiler; a request is signed where it is whole, in the transport.

import { createHash, createHmac, randomBytes } from "node:crypto";
import createClient, { type Middleware } from "openapi-fetch";
import type { paths as Operator } from "./operator.js";
import type { components, paths } from "./tollbook.js";

function variable(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}

const server = variable("TOLLBOOK_SERVER");
const publicKey = variable("TOLLBOOK_PUBLIC_KEY");
const privateKey = variable("TOLLBOOK_PRIVATE_KEY");

/** Signs a GET as published: all parameters of the query by name, each followed by its value, and the private key. */
function published(key: string): Middleware {
  return {
    onRequest({ request }) {
      const url = new URL(request.url);
      url.searchParams.set("PublicKey", publicKey);
      // Stable and by UTF-16 units, which for names in ASCII are bytes.
      const pairs = [...url.searchParams].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
      const text = pairs.map(([name, value]) => name + value).join("");
      url.searchParams.set("Signature", createHash("sha1").update(text + key).digest("hex"));
      return new Request(url, request);
    },
  };
}

/** Signs a POST strictly. */
const strict: Middleware = {
  async onRequest({ request }) {
    const body = Buffer.from(await request.clone().arrayBuffer());
    const media = (request.headers.get("Content-Type") ?? "").split(";")[0]!.trim().toLowerCase();
    const timestamp = String(Math.floor(Date.now() / 1000));
    const nonce = randomBytes(16).toString("hex");
    const digest = createHash("sha256").update(body).digest("hex");
    const lines = ["TOLLBOOK-HMAC-SHA256", request.method, new URL(request.url).pathname, "", media, digest, timestamp, nonce];
    request.headers.set("X-Tollbook-Timestamp", timestamp);
    request.headers.set("X-Tollbook-Nonce", nonce);
    request.headers.set("X-Tollbook-Signature", createHmac("sha256", privateKey).update(lines.join("\n")).digest("hex"));
    return request;
  },
};

type Refusal = components["schemas"]["Refusal"];

/** The answer of an action, which has the status 200 also if it is a refusal. */
function answered<Answer extends { RetCode: 0 }>(data: Answer | Refusal | undefined): Answer {
  if (data === undefined || data.RetCode !== 0) throw new Error(`refused: ${JSON.stringify(data)}`);
  return data as Answer;
}

const range = { StartTime: 1_760_000_000, EndTime: 1_770_000_000 };

const orders = createClient<paths>({ baseUrl: server });
orders.use(published(privateKey));
const list = answered(
  (await orders.GET("/ListPaidOrders", {
    params: { query: { Action: "ListPaidOrders", ...range, Page: 1, PageSize: 10, ModelIds: ["m", "none"] } },
  })).data,
);
// The generated types refuse what the API would not read.
// @ts-expect-error ModelIDs is no parameter
const misspelt: paths["/ListPaidOrders"]["get"]["parameters"]["query"] = { Action: "ListPaidOrders", ...range, Page: 1, PageSize: 10, ModelIDs: ["x"] };
void misspelt;

const writing = createClient<paths>({ baseUrl: server });
writing.use(strict);
const amount = answered(
  (await writing.POST("/GetOrderAmount", { body: { Action: "GetOrderAmount", PublicKey: publicKey, ...range } })).data,
);

const forged = createClient<paths>({ baseUrl: server });
forged.use(published("another key"));
const refused = (await forged.GET("/GetFilterOptions", { params: { query: { Action: "GetFilterOptions" } } })).data;

const gateway = createClient<paths>({ baseUrl: server, headers: { Authorization: `Bearer ${variable("TOLLBOOK_OPERATOR_KEY")}` } });
const event: components["schemas"]["UsageEvent"] = {
  specversion: "1.0",
  id: variable("TOLLBOOK_USAGE_ID"),
  source: "generated-client",
  type: "com.example.usage",
  time: new Date().toISOString(),
  data: {
    company_id: Number(variable("TOLLBOOK_COMPANY")),
    organization_id: 1,
    resource_id: "key-1",
    model_id: "example-chat",
    product_code: "modelverse",
    quantities: { input: 1200, output: 300 },
  },
};
const batch = () =>
  gateway.POST("/v1/usage", { body: [event], headers: { "Content-Type": "application/cloudevents-batch+json" } });
const reported = (await batch()).data;
const repeated = (await batch()).data;
const standing = (await gateway.GET("/v1/companies/{id}/standing", { params: { path: { id: event.data.company_id } } })).data;
const unknown = createClient<paths>({ baseUrl: server, headers: { Authorization: "Bearer tbo_none" } });
const problem = await unknown.POST("/v1/usage", { body: [event], headers: { "Content-Type": "application/cloudevents-batch+json" } });

const operator = createClient<Operator>({ baseUrl: server, headers: { Authorization: `Bearer ${variable("TOLLBOOK_OPERATOR_KEY")}` } });
const company = (await operator.GET("/operator/v1/companies/{company}", { params: { path: { company: event.data.company_id } } })).data;

console.log(
  JSON.stringify({
    Total: list.Total,
    OrderNos: list.Orders.map((order) => order.OrderNo),
    PaidAmount: amount.PaidAmount,
    Refused: refused?.RetCode,
    Reported: reported?.Results.map((result) => [result.Status, result.Pricing]),
    Repeated: repeated?.Results.map((result) => result.Status),
    PendingAmount: standing?.PendingAmount,
    Problem: [problem.response.status, problem.error?.Error],
    Company: company?.Name,
  }),
);
