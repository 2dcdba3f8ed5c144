"use strict";
// Opens and closes, drags and zooms: the page reads without it.
for (const root of document.querySelectorAll(".compare")) compare(root);

function compare(root) {
  const stage = root.querySelector(".stage");
  const handle = root.querySelector(".handle");
  const follows = [...root.querySelectorAll(".pane.follow")];
  const sheets = [...root.querySelectorAll(".sheet")];
  const all = (query, act) => root.querySelectorAll(query).forEach(act);
  let cut = 50, zoom = 1, x = 0, y = 0;

  function current() { return follows.find((pane) => !pane.hidden); }

  function split() { return stage.classList.contains("divider"); }

  // --- The divider ---
  function place(percent) {
    cut = Math.min(100, Math.max(0, percent));
    handle.style.left = cut + "%";
    handle.setAttribute("aria-valuenow", Math.round(cut));
    follows.forEach((pane) => {
      pane.querySelector(".frame").style.clipPath = split() ? `inset(0 0 0 ${cut}%)` : "";
    });
  }

  handle.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 10 : 2;
    const to = { ArrowLeft: cut - step, ArrowDown: cut - step, ArrowRight: cut + step, ArrowUp: cut + step, Home: 0, End: 100 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    place(to);
  });

  // --- Zoom and pan, the same for every sheet ---
  function view(level, dx, dy) {
    const frame = root.querySelector(".pane.base .frame").getBoundingClientRect();
    zoom = Math.min(8, Math.max(1, level));
    const room = (size) => (size * (zoom - 1)) / 2;
    x = Math.min(room(frame.width), Math.max(-room(frame.width), dx));
    y = Math.min(room(frame.height), Math.max(-room(frame.height), dy));
    sheets.forEach((sheet) => {
      sheet.style.transform = zoom === 1 ? "" : `translate(${x}px, ${y}px) scale(${zoom})`;
    });
    stage.classList.toggle("zoomed", zoom > 1);
  }

  function zoomAt(factor, clientX, clientY) {
    const frame = root.querySelector(".pane.base .frame").getBoundingClientRect();
    const to = Math.min(8, Math.max(1, zoom * factor)), by = to / zoom;
    const [px, py] = [clientX - frame.left - frame.width / 2, clientY - frame.top - frame.height / 2];
    view(to, px - (px - x) * by, py - (py - y) * by);
  }

  all("[data-zoom]", (button) => button.addEventListener("click", () => {
    const to = { in: zoom * 1.5, out: zoom / 1.5, reset: 1 }[button.dataset.zoom];
    view(to, (x * to) / zoom, (y * to) / zoom);
  }));
  stage.addEventListener("keydown", (event) => {
    if (event.target !== stage) return;
    const step = 40;
    const act = {
      "+": () => view(zoom * 1.5, x * 1.5, y * 1.5), "=": () => view(zoom * 1.5, x * 1.5, y * 1.5),
      "-": () => view(zoom / 1.5, x / 1.5, y / 1.5), "0": () => view(1, 0, 0),
    }[event.key] || (zoom > 1 && {
      ArrowLeft: () => view(zoom, x + step, y), ArrowRight: () => view(zoom, x - step, y),
      ArrowUp: () => view(zoom, x, y + step), ArrowDown: () => view(zoom, x, y - step),
    }[event.key]);
    if (!act || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    act();
  });
  stage.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    zoomAt(Math.exp(-event.deltaY / 200), event.clientX, event.clientY);
  }, { passive: false });

  // --- Pointers: one drags the divider or the picture, two pinch ---
  const pointers = new Map();
  let dragging = null, moved = 0;
  stage.addEventListener("pointerdown", (event) => {
    if (event.target.closest(".refusal")) return;
    pointers.set(event.pointerId, event);
    moved = 0;
    if (pointers.size === 1) dragging = event.target.closest(".handle") ? "divider" : "picture";
    if (dragging === "divider" || zoom > 1) stage.setPointerCapture(event.pointerId);
  });
  stage.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    moved += Math.hypot(event.clientX - before.clientX, event.clientY - before.clientY);
    if (pointers.size === 2) {
      const other = [...pointers].find(([id]) => id !== event.pointerId)[1];
      const distance = (a) => Math.hypot(a.clientX - other.clientX, a.clientY - other.clientY);
      zoomAt(distance(event) / Math.max(1, distance(before)), (event.clientX + other.clientX) / 2, (event.clientY + other.clientY) / 2);
    } else if (dragging === "divider") {
      const box = stage.getBoundingClientRect();
      place((100 * (event.clientX - box.left)) / box.width);
    } else if (zoom > 1) {
      view(zoom, x + event.clientX - before.clientX, y + event.clientY - before.clientY);
    }
    pointers.set(event.pointerId, event);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    stage.addEventListener(end, (event) => {
      pointers.delete(event.pointerId);
      if (pointers.size === 0) dragging = null;
    });
  }
  stage.addEventListener("dblclick", (event) => {
    if (!event.target.closest(".handle, .refusal")) zoomAt(2, event.clientX, event.clientY);
  });

  // --- What is shown ---
  function arrange() {
    const session = root.querySelector("[name^=session-]:checked");
    if (session) follows.forEach((pane) => { pane.hidden = pane.dataset.session !== session.value; });
    const pane = current(), mode = root.querySelector("[name^=mode-]:checked").value;
    const laid = pane && !pane.classList.contains("as-taken");
    all("[name^=mode-]", (choice) => { choice.disabled = !laid; });
    stage.classList.toggle("divider", Boolean(laid && mode === "divider"));
    stage.classList.toggle("side", Boolean(pane && !(laid && mode === "divider")));
    stage.classList.toggle("alone", !pane);
    handle.hidden = !split();
    place(cut);
    view(zoom, x, y);
  }

  function show() {
    all(".overlays [type=checkbox]", (box) => {
      all(`[data-layer="${box.value}"]`, (layer) => layer.toggleAttribute("hidden", !box.checked));
    });
    const map = root.querySelector("[name^=map-]:checked").value;
    all("[data-map]", (image) => image.toggleAttribute("hidden", image.dataset.map !== map));
    all("[data-bar]", (bar) => { bar.hidden = bar.dataset.bar !== map; });
  }

  all(".controls input", (input) => input.addEventListener("change", arrange));
  all(".overlays input", (input) => input.addEventListener("change", show));

  // --- Lesions ---
  function open(id) {
    const dialog = document.getElementById(id);
    if (dialog) dialog.showModal();
  }
  all("[data-open]", (button) => button.addEventListener("click", () => open(button.dataset.open)));
  stage.addEventListener("click", (event) => {
    // A captured pointer clicks on the stage: look for what lies under it.
    const under = document.elementFromPoint(event.clientX, event.clientY);
    const mark = under && under.closest("[data-lesion]");
    if (mark && moved < 6) open("lesion-" + mark.dataset.lesion);
  });
  all("dialog", (dialog) => dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  }));
  all("button.all", (button) => button.addEventListener("click", () => {
    all("li.later", (item) => { item.hidden = false; });
    button.hidden = true;
  }));

  arrange();
  show();
}

// --- A table as text for a spreadsheet, with the report's own numbers ---
function asText(table) {
  const cell = (td) => (td.querySelector("data") ? td.querySelector("data").value : td.textContent.trim());
  return [...table.rows].map((row) => [...row.cells].map(cell).join("\t")).join("\n");
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const table = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(asText(table));
    } catch {
      getSelection().selectAllChildren(table);
      document.execCommand("copy");
    }
    button.parentElement.querySelector("[role=status]").textContent = button.dataset.done;
  });
}
