// A person's walk through the console in headless Chromium: signs in by the link, opens every page in both languages, both
// colours, narrow and printed, follows figures to their lists, pays, exports, adds a key, signs out. Every page is checked
// with axe-core, and for errors of scripts and of the content security policy. Fails with the first difference.
//
// Arguments: the links that open the console and the operator's desk, the folder for screenshots, the path of Chromium.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";

const [link, operatorLink, folder, program] = process.argv.slice(2);
const executablePath = program.includes("/") ? program : execFileSync("which", [program], { encoding: "utf8" }).trim();
const modules = createRequire(path.join(process.env.TOLLBOOK_TEST_NODE_MODULES, "console.js"));
const { chromium } = modules("playwright-core");
const axe = await readFile(modules.resolve("axe-core/axe.min.js"), "utf8");
const base = new URL(link).origin;

const PAGES = {
  overview: "/console",
  explore: "/console/explore",
  "explore-cumulative": "/console/explore?by=OrganizationIds&then=ModelIds&step=day&cumulative=1&range=7d",
  orders: "/console/orders",
  unpaid: "/console/orders?status=unpaid",
  summary: "/console/summary",
  arrears: "/console/arrears",
  accounts: "/console/accounts",
  statement: "/console/statement?month=MONTH",
  exports: "/console/exports",
  keys: "/console/keys",
  webhooks: "/console/webhooks",
  sessions: "/console/sessions",
  "not-found": "/console/nothing",
  refused: "/console/orders?range=never",
};

await mkdir(folder, { recursive: true });
const profile = await mkdtemp(path.join(tmpdir(), "console-"));
const context = await chromium.launchPersistentContext(profile, {
  executablePath,
  headless: true,
  viewport: { width: 1440, height: 900 },
  acceptDownloads: true,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});
const page = context.pages()[0] ?? (await context.newPage());
const problems = [];
// Pages that say what is wrong are answered with its status, which the browser reports as an error of its own.
page.on("console", (message) => {
  if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) problems.push(`${page.url()}: ${message.text()}`);
});
page.on("pageerror", (error) => problems.push(`${page.url()}: ${error}`));
page.on("request", (request) => {
  if (!request.url().startsWith(base) && !request.url().startsWith("data:")) problems.push(`${page.url()} asked for ${request.url()}`);
});

const month = (() => {
  const now = new Date();
  const last = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - (now.getUTCDate() < 16 ? 1 : 0), 1));
  return last.toISOString().slice(0, 7);
})();
const open = (name) => page.goto(base + PAGES[name].replace("MONTH", month));
const shot = (name) => page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });

async function checkAccess(name) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  for (const violation of found.violations) {
    problems.push(`${name}: ${violation.id}: ${violation.help}: ${violation.nodes.map((node) => node.html.slice(0, 120)).slice(0, 3).join(" | ")}`);
  }
}

async function checkNarrow(name) {
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (overflow > 0) problems.push(`${name}: the page is ${overflow} pixels wider than the screen`);
}

const text = async (selector) => (await page.locator(selector).first().innerText()).replace(/\s/g, "");

try {
  // The link: opening it changes nothing, so it is opened twice.
  await page.goto(link);
  await checkAccess("invitation");
  await shot("invitation");
  await page.goto(link);
  await page.locator("form button").first().click();
  await page.waitForURL(`${base}/console`);
  assert.equal(await page.locator("h1").innerText(), "Overview");
  assert.equal((await context.request.post(link, { headers: { Origin: base } })).url(), link, "the link works once");

  // An order that is paid, for the page of one order.
  await page.goto(`${base}/console/orders?status=paid`);
  PAGES.order = new URL(await page.locator("tbody th a").first().getAttribute("href"), base).pathname;
  // One unpaid order for the review.
  await open("arrears");
  const numbers = await page.locator("tbody input[name=OrderNos]").evaluateAll((boxes) => boxes.slice(0, 3).map((box) => box.value));
  assert.equal(numbers.length, 3, "the demo has unpaid orders");
  PAGES.review = `/console/arrears/review?${numbers.map((number) => `OrderNos=${number}`).join("&")}`;

  for (const language of ["en", "zh"]) {
    for (const theme of ["light", "dark"]) {
      await page.goto(`${base}/console/choose?language=${language}&theme=${theme}`);
      for (const name of Object.keys(PAGES)) {
        await open(name);
        const as = `${name}-${language}-${theme}`;
        assert.equal(await page.locator("html").getAttribute("lang"), language === "en" ? "en" : "zh-CN", as);
        await checkAccess(as);
        await shot(as);
      }
    }
  }
  await page.goto(`${base}/console/choose?language=en&theme=light`);
  await page.setViewportSize({ width: 360, height: 740 });
  for (const name of Object.keys(PAGES)) {
    await open(name);
    await checkNarrow(name);
    await checkAccess(`${name}-narrow`);
    await shot(`${name}-narrow`);
  }
  await page.setViewportSize({ width: 1440, height: 900 });
  await open("statement");
  await page.pdf({ path: path.join(folder, "statement.pdf"), format: "A4", preferCSSPageSize: true });
  await page.emulateMedia({ media: "print" });
  await page.setViewportSize({ width: 794, height: 1123 });
  await shot("statement-printed");
  await page.emulateMedia({ media: null });
  await page.setViewportSize({ width: 1440, height: 900 });

  // Figures lead to lists with the same sum.
  const seen = new Set();
  for (const start of [PAGES.overview, PAGES.explore, PAGES["explore-cumulative"], PAGES.summary, PAGES.statement.replace("MONTH", month)]) {
    await page.goto(base + start);
    const figures = await page.locator("a.figure").evaluateAll((links) => links.map((link) => [link.href, link.textContent.replace(/\s/g, "")]));
    assert.ok(figures.length > 0, start);
    const step = Math.max(1, Math.floor(figures.length / 6));
    for (const [href, shown] of figures.filter((_, place) => place % step === 0)) {
      if (seen.has(href)) continue;
      seen.add(href);
      await page.goto(href);
      const list = new URL(href).pathname === "/console/orders";
      if (list) assert.ok([await text("#sum .n"), await text("#count .n")].includes(shown), `${start}: ${shown} leads to ${href}, which shows ${await text("#sum .n")}`);
    }
  }

  // Without scripts too: filter, sort by page, keyboard.
  await open("orders");
  await page.keyboard.press("]");
  await page.waitForURL(/page=2/);

  // Pay, twice.
  await page.goto(base + PAGES.review);
  const button = page.locator("main form button.primary");
  await shot("review-payable");
  await button.click();
  await page.waitForURL(/notice=paid/);
  await shot("paid");
  assert.equal(await page.locator("tbody .status-2").count(), 3, "three orders are paid");
  await page.goto(base + PAGES.review);
  assert.equal(await page.locator("main form button.primary").count(), 0, "nothing is left to pay");

  // Export, and compare the file with what the page states.
  await page.goto(`${base}/console/exports?range=7d`);
  await page.locator("select[name=Format]").selectOption("csv");
  await page.locator("form.controls button.primary").click();
  await page.waitForURL(/notice=export/);
  const download = page.locator("a[download]").first();
  await download.waitFor();
  const bytes = await page.locator("tbody tr").first().locator("td").nth(6).innerText();
  await shot("exports-done");
  const [file] = await Promise.all([page.waitForEvent("download"), download.click()]);
  const content = await readFile(await file.path());
  assert.equal(content.length, Number(bytes.replace(/\s/g, "")), "the file has the size that the page states");

  // A key, shown once; the same form again does nothing.
  await open("keys");
  await page.locator(".card-form summary").click();
  await page.locator(".card-form input[name=name]").fill("<b>walk & =1+1</b>");
  const fields = await page.locator(".card-form form").evaluate((form) => new URLSearchParams(new FormData(form)).toString());
  await page.locator(".card-form button.primary").click();
  await page.locator("dl.secret").waitFor();
  await checkAccess("key-added");
  const repeated = await page.evaluate(async (body) => {
    const answer = await fetch("/console/keys", { method: "POST", body, headers: { "Content-Type": "application/x-www-form-urlencoded" } });
    return answer.status;
  }, fields);
  assert.equal(repeated, 409, "a form that adds a key is accepted once");
  await open("keys");
  assert.equal(await page.locator("tbody th", { hasText: "<b>walk & =1+1</b>" }).count(), 1);

  // An endpoint of webhooks, whose secret is shown once.
  await open("webhooks");
  await page.locator(".card-form input[name=url]").fill("https://hooks.example.com/in");
  await page.locator(".card-form input[name=name]").fill("<i>hook</i>");
  await page.locator(".card-form button.primary").click();
  await page.locator("dl.secret").waitFor();
  await checkAccess("webhook-added");
  await shot("webhook-added");
  for (const width of [1440, 360]) {
    await page.setViewportSize({ width, height: 900 });
    await open("webhooks");
    assert.equal(await page.locator("h2", { hasText: "<i>hook</i>" }).count(), 1);
    await checkNarrow(`webhooks-filled-${width}`);
    await checkAccess(`webhooks-filled-${width}`);
    await shot(`webhooks-filled-${width}`);
  }
  await page.setViewportSize({ width: 1440, height: 900 });

  // Out.
  await page.locator(".side .me button").click();
  await page.waitForURL(/sign-in/);
  await checkAccess("sign-in");
  await shot("sign-in");
  await page.goto(`${base}/console/accounts`);
  assert.ok(page.url().includes("/console/sign-in"), "nothing is shown after signing out");
  await page.setViewportSize({ width: 360, height: 740 });
  await shot("sign-in-narrow");

  // The operator's desk.
  await page.goto(operatorLink);
  await page.locator("form button").first().click();
  await page.waitForURL(`${base}/operator`);
  const desk = {
    desk: "/operator",
    companies: "/operator/companies",
    company: "/operator/companies/1",
    prices: "/operator/prices",
    "price-explained": "/operator/prices/explain?CompanyID=1&ModelID=THE-MODEL&PricingSKU=THE-SKU",
    usage: "/operator/usage?company=1",
    connect: "/operator/connect?program=litellm",
    audit: "/operator/audit?check=yes",
    settings: "/operator/settings",
    deposit: "/operator/acts/deposit?company=1",
    "key-add": "/operator/acts/key-add?company=1",
    import: "/operator/acts/price-import",
    rerate: "/operator/acts/rerate?company=1",
    replace: "/operator/acts/usage-replace?company=1",
  };
  // A price of the book, to be explained.
  await page.goto(`${base}/operator/prices`);
  const cells = await page.locator("section").last().locator("tbody tr").first().locator("td").allInnerTexts();
  desk["price-explained"] = desk["price-explained"].replace("THE-MODEL", encodeURIComponent(cells[2])).replace("THE-SKU", encodeURIComponent(cells[3]));
  for (const [language, theme, width] of [["en", "light", 1440], ["zh", "dark", 1440], ["en", "light", 360]]) {
    await page.setViewportSize({ width, height: 900 });
    await page.goto(`${base}/console/choose?language=${language}&theme=${theme}`);
    for (const [name, path] of Object.entries(desk)) {
      const as = `operator-${name}-${width === 360 ? "narrow" : `${language}-${theme}`}`;
      await page.goto(base + path);
      assert.equal(await page.locator(".failure").count(), 0, as);
      await checkAccess(as);
      await checkNarrow(as);
      await shot(as);
    }
  }
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.goto(`${base}/console/orders`);
  assert.equal(await page.locator(".failure").count(), 1, "an operator sees no customer's page");

  // A deposit, sent twice; then reversed, after what would be taken was shown.
  const cash = async () => {
    await page.goto(`${base}/operator/companies/1`);
    return Number(await text(".figures div:has(dt:text-is('Cash')) dd"));
  };
  const before = await cash();
  await page.locator("a.button", { hasText: "Deposit money" }).click();
  await page.locator("select[name=Kind]").selectOption("cash");
  await page.locator("input[name=Amount]").fill("12.34");
  await page.locator("input[name=NoSettle]").check();
  const sent = await page.locator("form.act").evaluate((form) => new URLSearchParams(new FormData(form)).toString());
  const key = new URLSearchParams(sent).get("form_key");
  await page.locator("form.act button.primary").click();
  await page.locator("p.notice").waitFor();
  await checkAccess("deposited");
  await shot("operator-deposited");
  const again = await page.evaluate(async (body) => {
    const answer = await fetch("/operator/acts/deposit", { method: "POST", body, headers: { "Content-Type": "application/x-www-form-urlencoded" } });
    return answer.text();
  }, sent);
  assert.ok(again.includes("This form was sent before"), "a repeated form says so");
  assert.equal(((await cash()) - before).toFixed(2), "12.34", "the deposit was made once");
  await page.locator("a.button", { hasText: "Reverse a deposit" }).click();
  await page.locator("input[name=Deposit]").fill(key);
  await page.locator("input[name=Reason]").fill("walk");
  await page.locator("form.act button.primary").click();
  await page.locator("input[name=confirmed]").waitFor({ state: "attached" });
  await checkAccess("reversal-shown");
  await shot("operator-reversal-shown");
  await page.locator("form.confirm button.primary").click();
  await page.locator("p.notice").waitFor();
  assert.equal(((await cash()) - before).toFixed(2), "0.00", "the deposit was reversed");

  // A form that is not accepted is shown again with what was typed.
  await page.goto(`${base}/operator/acts/credit-limit?company=1`);
  await page.locator("input[name=Amount]").fill("much");
  await page.locator("form.act button.primary").click();
  await page.locator("p.problem").waitFor();
  assert.equal(await page.locator("input[name=Amount]").inputValue(), "much");
  await checkAccess("refused-form");
  await shot("operator-refused-form");

  // A price list: what would change, then the change.
  await page.goto(`${base}/operator/acts/price-import`);
  const list = 'currency = "CNY"\nunit = 12\n[[model]]\nid = "walk-model"\nname = "Walk"\n[model.prices]\ninput = "2.4"\noutput = "9.6"\n';
  await page.locator("input[type=file]").setInputFiles({ name: "walk.toml", mimeType: "application/toml", buffer: Buffer.from(list) });
  await page.locator("form.act button.primary").click();
  await page.locator("input[name=confirmed]").waitFor({ state: "attached" });
  await checkAccess("import-shown");
  await shot("operator-import-shown");
  await page.setViewportSize({ width: 360, height: 900 });
  await checkNarrow("import-shown");
  await shot("operator-import-shown-narrow");
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.locator("form.confirm button.primary").click();
  await page.locator("p.notice").waitFor();
  await shot("operator-imported");
  await page.goto(`${base}/operator/prices?ModelID=walk-model`);
  assert.equal(await page.locator("section").last().locator("tbody tr").count(), 2, "both prices are in the book");

  // What the person did is in the audit log.
  await page.goto(`${base}/operator/audit?CompanyID=1&Act=account`);
  assert.ok((await page.locator("tbody").innerText()).includes("walk"), "the reason is in the log");
  assert.deepEqual(problems, []);
  console.log(`${seen.size} figures followed, ${Object.keys(PAGES).length} pages, screenshots in ${folder}`);
} catch (error) {
  console.error(problems.join("\n"));
  await shot("failed").catch(() => {});
  throw error;
} finally {
  await context.close();
  await rm(profile, { recursive: true, force: true });
}
