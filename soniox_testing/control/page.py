"""The page at ``/__fake__/``: shows the records of the fake, updated every second. Read-only, and in one file."""

from __future__ import annotations

# Cells are filled with textContent only: clients choose the names, which must not become markup.
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Fake Soniox</title>
<meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,">
<style>
:root { color-scheme: light dark }
body { font: 15px/1.4 system-ui, sans-serif; margin: 2rem }
h2 { margin: 1.5rem 0 .3rem; font-size: 1.1rem }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-size: 13px }
th, td { text-align: left; padding: .15rem 1rem .15rem 0; border-bottom: 1px solid #8884; max-width: 32rem;
  overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
</style></head><body>
<h1>Fake Soniox</h1><p id="status" role="status">Loading ...</p><main></main>
<script>
"use strict";
// The columns of the records that are shown first; all others show all of their fields.
const columnsOf = {
  transcriptions: ["created_at", "status", "filename", "model", "client_reference_id", "error_type", "id"],
  sessions: ["created_at", "ended", "audio_duration_ms", "controls", "client_reference_id", "error_type",
             "close_code", "notes", "id"],
  speeches: ["created_at", "ended", "audio_duration_ms", "texts", "stream_id", "client_reference_id", "error_type",
             "notes", "id"],
  voices: ["created_at", "name", "filename", "audio_duration_ms", "id"],
  requests: ["at", "method", "path", "status", "error_type"],
  files: ["created_at", "filename", "size", "client_reference_id", "id"],
  webhooks: ["url", "status", "outcome", "transcription_id"],
};
const newest = 200;
function element(parent, tag, text) {
  const made = parent.appendChild(document.createElement(tag));
  if (text !== undefined) made.textContent = text;
  return made;
}
function shownAs(column, value) {
  if (column === "texts") return value.join("");
  return value?.constructor === Object ? JSON.stringify(value) : String(value ?? "");
}
function show(records) {
  const main = document.createElement("main");
  for (const name of new Set([...Object.keys(columnsOf), ...Object.keys(records)])) {
    const all = records[name];
    const title = name === "transcriptions" ? "jobs" : name;
    element(main, "h2", `${title}: ${all.length}` + (all.length > newest ? `, the last ${newest}` : ""));
    if (!all.length) continue;
    const columns = columnsOf[name] ?? Object.keys(all[0]);
    const wide = element(main, "div");
    wide.className = "wide";
    const table = element(wide, "table");
    table.id = name;
    const head = element(element(table, "thead"), "tr");
    for (const column of columns) element(head, "th", column);
    const body = element(table, "tbody");
    for (const record of all.slice(-newest).reverse()) {
      const row = element(body, "tr");
      for (const column of columns) element(row, "td", shownAs(column, record[column]));
    }
  }
  document.querySelector("main").replaceWith(main);
}
let shown = "";
async function look() {
  let status = "live";
  try {
    const response = await fetch(`${location.pathname.replace(/[/]+$/, "")}/records`);
    const text = await response.text();
    if (!response.ok) throw new Error(text);
    if (text !== shown) { show(JSON.parse(text)); shown = text; }
  } catch (error) {
    status = `no answer: ${error.message}`;
  }
  document.getElementById("status").textContent = status;
  setTimeout(look, 1000);
}
look();
</script></body></html>
"""
