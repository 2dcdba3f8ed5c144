"use strict";
const body = document.querySelector(".patients tbody");
const rows = [...body.rows];
const search = document.getElementById("search");
const status = document.getElementById("status");

function find() {
  const wanted = search.value.trim().toLowerCase();
  for (const row of rows) {
    const found = row.textContent.toLowerCase().includes(wanted);
    row.hidden = !found || (status.value !== "" && row.dataset.status !== status.value);
  }
  document.getElementById("none").hidden = rows.some((row) => !row.hidden);
}
search.addEventListener("input", find);
status.addEventListener("change", find);

for (const button of document.querySelectorAll("[data-sort]")) {
  button.addEventListener("click", () => {
    const column = Number(button.dataset.sort), head = button.parentElement;
    const first = column === 0 ? "ascending" : "descending";
    const other = { ascending: "descending", descending: "ascending" };
    const order = head.ariaSort === "none" ? first : other[head.ariaSort];
    document.querySelectorAll("th[aria-sort]").forEach((th) => { th.ariaSort = "none"; });
    head.ariaSort = order;
    const key = (row) => row.cells[column].dataset.key;
    const compare = (a, b) => key(a).localeCompare(key(b), document.documentElement.lang, { numeric: true });
    const sorted = [...rows].sort((a, b) => (order === "ascending" ? compare(a, b) : compare(b, a)));
    body.append(...sorted);
  });
}
