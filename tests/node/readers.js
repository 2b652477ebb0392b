// Reads a workbook with one of several readers from npm, and prints every cell as it understands it: see
// tests/python/readers.py, whose arguments and output these are.
//
//     node readers.js READER FILE.xlsx [--count]

"use strict";

const fs = require("node:fs");

/** A number as its shortest decimal. */
const number = (value) => `n:${value}`;

/** A date without a zone: readers keep local time in UTC. */
const date = (value) => `d:${new Date(Math.round(value.getTime() / 1000) * 1000).toISOString().slice(0, 19).replace("T", " ")}`;

/** A cell. */
function shown(value) {
  if (value === null || value === undefined || value === "") return "";
  if (typeof value === "number") return number(value);
  if (typeof value === "boolean") return `b:${value}`;
  if (typeof value === "string") return `s:${value}`;
  if (value instanceof Date) return date(value);
  throw new Error(`a value of the type ${value.constructor.name}: ${JSON.stringify(value)}`);
}

/** A row without the empty cells at its end. */
function trimmed(values) {
  const row = Array.from(values, shown);
  while (row.length > 0 && row[row.length - 1] === "") row.pop();
  return row;
}

/** SheetJS. */
async function sheetjs(path) {
  const XLSX = require("xlsx");
  const book = XLSX.readFile(path, { cellDates: true, UTC: true, dense: true });
  const rows = (sheet) => XLSX.utils.sheet_to_json(sheet, { header: 1, raw: true, defval: null, blankrows: true, UTC: true });
  return Object.fromEntries(book.SheetNames.map((name) => [name, rows(book.Sheets[name]).map(trimmed)]));
}

/** The whole file as objects. */
async function exceljs(path) {
  const { Workbook } = require("exceljs");
  const book = new Workbook();
  await book.xlsx.readFile(path);
  const sheets = {};
  book.eachSheet((sheet) => {
    const rows = [];
    sheet.eachRow({ includeEmpty: true }, (row) => rows.push(trimmed(row.values.slice(1))));
    sheets[sheet.name] = rows;
  });
  return sheets;
}

/** Row by row. */
async function exceljsStreaming(path) {
  const { stream } = require("exceljs");
  const sheets = {};
  const reader = new stream.xlsx.WorkbookReader(path, { sharedStrings: "cache", styles: "cache", worksheets: "emit" });
  for await (const sheet of reader) {
    const rows = [];
    for await (const row of sheet) rows.push(trimmed(row.values.slice(1)));
    sheets[sheet.name] = rows;
  }
  return sheets;
}

/** Every sheet of read-excel-file. */
async function readExcelFile(path) {
  const { default: read } = require("read-excel-file/node");
  const found = await read(path, { trim: false });
  return Object.fromEntries(found.map(({ sheet, data }) => [sheet, data.map(trimmed)]));
}

/** xlsx-populate, which leaves dates as numbers. */
async function xlsxPopulate(path) {
  const { fromFileAsync } = require("xlsx-populate");
  const book = await fromFileAsync(path);
  const rows = (sheet) => sheet.usedRange().value().map(trimmed);
  return Object.fromEntries(book.sheets().map((sheet) => [sheet.name(), rows(sheet)]));
}

const READERS = {
  sheetjs,
  exceljs,
  "exceljs-streaming": exceljsStreaming,
  "read-excel-file": readExcelFile,
  "xlsx-populate": xlsxPopulate,
};

/** Rows, cells, and the sum of the numbers in the first column. */
function counted(rows) {
  let [cells, total] = [0, 0];
  for (const row of rows) {
    cells += row.filter((cell) => cell !== "").length;
    if (/^.:\d+$/.test(row[0] ?? "")) total += Number(row[0].slice(2));
  }
  return [rows.length, cells, total];
}

async function main([reader, path, ...options]) {
  const sheets = await READERS[reader](path);
  const show = options[0] === "--count" ? counted : (rows) => rows;
  const found = Object.fromEntries(Object.entries(sheets).map(([name, rows]) => [name, show(rows)]));
  fs.writeSync(1, `${JSON.stringify({ Sheets: found })}\n`);
}

main(process.argv.slice(2)).catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
