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

const chosen = (kind) => [...document.querySelectorAll(`input[name="${kind}"]:checked`)].map((one) => one.value);

function offer() {
  const collection = byId("collection").value;
  const before = new Set(chosen("encoder"));
  const there = about.encoders.filter((one) => collection in one.languages);
  const keep = there.filter((one) => before.has(one.name));
  const shown = keep.length ? keep : there.slice(0, 2);
  byId("encoders").replaceChildren(
    ...there.map((one) => choice("encoder", one.name, one.short, shown.includes(one))));
  const languages = new Set(there.flatMap((one) => one.languages[collection]));
  byId("languages").replaceChildren(...[...languages].map((code) => choice("language", code, code, true)));
  const examples = about.collections.find((one) => one.name === collection).examples;
  byId("examples").hidden = examples.length === 0;
  byId("examples").replaceChildren(element("span", "Questions of the collection:"), ...examples.map((one) => {
    const button = element("button", one.text, { type: "button", dir: "auto", title: `${one.language}: ${one.text}` });
    button.prepend(element("span", one.language, { class: "code" }), " ");
    button.addEventListener("click", () => { byId("query").value = one.text; ask(); });
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
    status.textContent = `The query has ${query.length} characters; at most ${about.longest} can be asked.`;
    return;
  }
  status.textContent = "Asking…";
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
  const known = answer.known ? `A question of the collection, in ${answer.known}: relevant documents are marked.`
    : "Not a question of the collection: nothing is known to be relevant.";
  status.textContent = known;
  byId("answers").replaceChildren(...answer.answers.map((one) => section(one, query)));
}

function section(answer, query) {
  const encoder = about.encoders.find((one) => one.name === answer.encoder);
  const made = element("section", null, { class: "answer" });
  made.append(element("h2", encoder ? encoder.short : answer.encoder, { title: answer.encoder }));
  const read = element("div", null, { class: "read" });
  if (answer.read.text !== query) {
    read.append(element("p", "reads it as", { class: "what" }), element("p", answer.read.text, { dir: "auto", class: "text" }));
  }
  const count = `${answer.read.length} piece${answer.read.length === 1 ? "" : "s"}, ${answer.read.unknown} unknown`;
  const more = answer.read.cut ? `; too long: only the first ${answer.pieces.length} are read` : "";
  read.append(element("p", count + more, { class: answer.read.cut ? "what cut" : "what" }));
  const pieces = element("div", null, { class: "pieces", dir: "auto", tabindex: "0", role: "group", "aria-label": "pieces" });
  pieces.append(...answer.pieces.map((one) => element("span", one.text, one.unknown ? { class: "unknown" } : {})));
  read.append(pieces);
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
    const place = language.first_relevant;
    const text = place === null ? "no relevant document in the first 1,000" : `first relevant document: place ${place}`;
    made.append(element("p", text, { class: "what" }));
  }
  const list = element("ol");
  for (const hit of language.hits) {
    const one = element("li", null, hit.relevant ? { class: "relevant" } : {});
    const top = element("p", null, { class: "top" });
    top.append(element("span", hit.score.toFixed(3), { class: "score" }), " ", element("span", hit.id, { class: "id" }));
    if (hit.relevant) top.append(" ", element("b", "relevant"));
    one.append(top);
    if (hit.title && hit.title !== hit.text) one.append(element("p", hit.title, { class: "title", dir: "auto" }));
    one.append(element("p", hit.text || "(empty)", { class: "text", dir: "auto" }));
    list.append(one);
  }
  if (!language.hits.length) made.append(element("p", "Nothing.", { class: "what" }));
  made.append(list);
  return made;
}

async function start() {
  about = await (await fetch("about.json")).json();
  document.title = `${about.title}: XLReach explorer`;
  byId("title").textContent = about.title;
  byId("collection").replaceChildren(...about.collections.map((one) => element("option", one.name, { value: one.name })));
  byId("collection-choice").hidden = about.collections.length < 2;
  byId("notes").replaceChildren(...about.notes.map((one) => element("p", one)));
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
