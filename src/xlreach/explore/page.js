"use strict";
// Whatever comes from data is put on the page as text, never as markup.

const byId = (id) => document.getElementById(id);
let about = null;
let asked = 0;

function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  if (text !== null && text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function choice(kind, value, label, checked) {
  const box = element("input", null, { type: "checkbox", name: kind, value });
  box.checked = checked;
  const made = element("label", null, { title: value });
  made.append(box, " ", element("span", label));
  return made;
}

const chosen = (kind) => [...document.querySelectorAll(`input[name="${kind}"]:checked`)].map((box) => box.value);

function offer() {
  const collection = byId("collection").value;
  const before = new Set(chosen("encoder"));
  const encoders = about.encoders.filter((encoder) => collection in encoder.languages);
  const kept = encoders.filter((encoder) => before.has(encoder.name));
  const checked = kept.length ? kept : encoders.slice(0, 2);
  byId("encoders").replaceChildren(...encoders.map(
    (encoder) => choice("encoder", encoder.name, encoder.label, checked.includes(encoder))));
  const languages = new Set(encoders.flatMap((encoder) => encoder.languages[collection]));
  byId("languages").replaceChildren(...[...languages].map((code) => choice("language", code, code, true)));
  const examples = about.collections.find((entry) => entry.name === collection).examples;
  byId("examples").hidden = examples.length === 0;
  byId("examples").replaceChildren(element("span", "Queries of the collection:"), ...examples.map(({ language, text }) => {
    const button = element("button", text, { type: "button", dir: "auto", title: `${language}: ${text}` });
    button.prepend(element("span", language, { class: "code" }), " ");
    button.addEventListener("click", () => { byId("query").value = text; ask(); });
    return button;
  }));
}

async function ask() {
  const number = ++asked;
  const query = byId("query").value;
  const status = byId("status");
  if (!query.trim()) {
    byId("answers").replaceChildren();
    status.textContent = "Type a query first.";
    return;
  }
  if (query.length > about.longest) {
    byId("answers").replaceChildren();
    status.textContent = `The query has ${query.length} characters; at most ${about.longest} are allowed.`;
    return;
  }
  status.textContent = "Searching…";
  const request = { query, encoders: chosen("encoder"), collection: byId("collection").value,
    languages: chosen("language"), k: Number(byId("k").value) };
  let answer;
  try {
    const got = await fetch("ask", { method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify(request) });
    answer = await got.json();
  } catch {
    answer = { error: "The explorer does not answer. Is it still running?" };
  }
  if (number !== asked) return;
  if (answer.error) {
    byId("answers").replaceChildren();
    status.textContent = answer.error;
    return;
  }
  status.textContent = answer.query_language
    ? `A query of the collection, in ${answer.query_language}: its relevant documents are marked.`
    : "Not a query of the collection: which documents are relevant is not known.";
  byId("answers").replaceChildren(...answer.answers.map((part) => section(part, query)));
}

function section(answer, query) {
  const encoder = about.encoders.find(({ name }) => name === answer.encoder);
  const made = element("section", null, { class: "answer" });
  made.append(element("h2", encoder ? encoder.label : answer.encoder, { title: answer.encoder }));
  const read = element("div", null, { class: "read" });
  if (answer.read.text !== query) {
    read.append(element("p", "The encoder reads", { class: "what" }), element("p", answer.read.text, { dir: "auto", class: "text" }));
  }
  const { length, unknown, truncated } = answer.read;
  const count = `${length} token${length === 1 ? "" : "s"}, ${unknown} unknown`;
  const more = truncated ? `; too long: only the first ${answer.tokens.length} are read` : "";
  read.append(element("p", count + more, { class: truncated ? "what truncated" : "what" }));
  const tokens = element("div", null, { class: "tokens", dir: "auto", tabindex: "0", role: "group", "aria-label": "tokens" });
  tokens.append(...answer.tokens.map((token) => element("span", token.text, token.unknown ? { class: "unknown" } : {})));
  read.append(tokens);
  made.append(read);
  const columns = element("div", null, { class: "columns" });
  columns.append(...answer.languages.map(column));
  made.append(columns);
  return made;
}

function column(language) {
  const made = element("div", null, { class: "column" });
  const head = element("h3", language.code);
  head.append(" ", element("span", `${language.count.toLocaleString("en")} documents`, { class: "count" }));
  made.append(head);
  if (language.judged) {
    const rank = language.first_relevant;
    const text = rank === null ? "no relevant document among the first 1,000" : `first relevant document at rank ${rank}`;
    made.append(element("p", text, { class: "what" }));
  }
  const list = element("ol");
  for (const hit of language.hits) {
    const item = element("li", null, hit.relevant ? { class: "relevant" } : {});
    const top = element("p", null, { class: "top" });
    top.append(element("span", hit.score.toFixed(3), { class: "score" }), " ", element("span", hit.id, { class: "id" }));
    if (hit.relevant) top.append(" ", element("b", "relevant"));
    item.append(top);
    if (hit.title && hit.title !== hit.text) item.append(element("p", hit.title, { class: "title", dir: "auto" }));
    item.append(element("p", hit.text || "(empty)", { class: "text", dir: "auto" }));
    list.append(item);
  }
  if (!language.hits.length) made.append(element("p", "Nothing found.", { class: "what" }));
  made.append(list);
  return made;
}

async function start() {
  about = await (await fetch("about.json")).json();
  document.title = `${about.title}: XLReach explorer`;
  byId("title").textContent = about.title;
  byId("collection").replaceChildren(...about.collections.map(({ name }) => element("option", name, { value: name })));
  byId("collection-choice").hidden = about.collections.length < 2;
  byId("notes").replaceChildren(...about.notes.map((note) => element("p", note)));
  offer();
  byId("collection").addEventListener("change", () => { offer(); if (byId("query").value.trim()) ask(); });
  byId("k").addEventListener("change", () => { if (byId("query").value.trim()) ask(); });
  for (const kind of ["encoders", "languages"]) {
    byId(kind).addEventListener("change", () => { if (byId("query").value.trim()) ask(); });
  }
  byId("ask").addEventListener("submit", (event) => { event.preventDefault(); ask(); });
  byId("query").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); ask(); }
  });
  byId("query").focus();
}

start();
