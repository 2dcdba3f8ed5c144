// Uses the pages in FOLDER as people do, in the browser CHROMIUM, and fails
// at the first thing that is not as it should be.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [folder, executablePath] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const address = (path) => pathToFileURL(resolve(folder, path)).href;
const profile = mkdtempSync(join(tmpdir(), "browser-test-"));
const context = await chromium.launchPersistentContext(profile, {
  executablePath,
  headless: true,
  viewport: { width: 1280, height: 900 },
  hasTouch: true,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});

/** A page that may ask for nothing but itself and must keep the console clean. */
async function open(path, { width = 1280, scheme = "light" } = {}) {
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => {
    const url = request.url();
    if (url !== address(path) && !url.startsWith("data:image/")) complaints.push(`asked for ${url}`);
  });
  await page.setViewportSize({ width, height: 900 });
  await page.emulateMedia({ colorScheme: scheme });
  await page.goto(address(path));
  page.clean = () => assert.deepEqual(complaints, [], path);
  return page;
}

/** No rule of WCAG 2.2 A and AA that a machine can check is broken. */
async function accessible(page, name) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() =>
    axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  const told = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html).slice(0, 3).join(" | ")}`);
  assert.deepEqual(told, [], name);
}

async function wideEnough(page, name) {
  const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(wide <= room, `${name}: ${wide} px of content in ${room} px`);
}

async function looks() {
  for (const path of ["index.html", "P001/report.html", "P002/report.html"]) {
    for (const width of [1280, 375]) {
      for (const scheme of ["light", "dark"]) {
        const name = `${path} at ${width} px, ${scheme}`;
        const page = await open(path, { width, scheme });
        await wideEnough(page, name);
        await accessible(page, name);
        page.clean();
        await page.close();
      }
    }
    // 200 % zoom of a desktop is half the width in CSS pixels.
    const page = await open(path, { width: 640 });
    await wideEnough(page, `${path} at 200 %`);
    await page.close();
  }
}

async function divider() {
  const page = await open("P001/report.html");
  const handle = page.locator(".handle").first();
  const stage = page.locator(".stage").first();
  const now = async () => Number(await handle.getAttribute("aria-valuenow"));
  await stage.scrollIntoViewIfNeeded();
  assert.equal(await now(), 50);

  // By pointer.
  const box = await stage.boundingBox();
  const grip = await handle.boundingBox();
  const [x, y] = [grip.x + grip.width / 2, grip.y + grip.height / 2];
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(box.x + 0.25 * box.width, y, { steps: 5 });
  await page.mouse.up();
  assert.ok(Math.abs((await now()) - 25) <= 1, `dragged to ${await now()}`);
  const clip = await page.locator(".pane.follow:not([hidden]) .frame").first().evaluate((e) => getComputedStyle(e).clipPath);
  assert.match(clip, /inset\(0(px)? 0(px)? 0(px)? (24|25)/);

  // By keyboard.
  await handle.focus();
  await page.keyboard.press("ArrowRight");
  assert.ok(Math.abs((await now()) - 27) <= 1);
  await page.keyboard.press("End");
  assert.equal(await now(), 100);
  await page.keyboard.press("Home");
  assert.equal(await now(), 0);

  // By touch.
  const client = await context.newCDPSession(page);
  const touch = (type, points) => client.send("Input.dispatchTouchEvent", { type, touchPoints: points });
  const start = await handle.boundingBox();
  await touch("touchStart", [{ x: start.x + start.width / 2, y }]);
  for (const share of [0.2, 0.4, 0.6]) await touch("touchMove", [{ x: box.x + share * box.width, y }]);
  await touch("touchEnd", []);
  assert.ok(Math.abs((await now()) - 60) <= 1, `touched to ${await now()}`);

  // Zoom and pan are linked, and go back.
  const moved = () => page.locator(".compare").first().locator(".sheet").evaluateAll((all) => [...new Set(all.map((e) => e.style.transform))]);
  await page.locator("[data-zoom=in]").first().click();
  await stage.focus();
  await page.keyboard.press("ArrowLeft");
  const transforms = await moved();
  assert.equal(transforms.length, 1);
  assert.match(transforms[0], /scale\(1\.5\)/);
  await page.locator("[data-zoom=reset]").first().click();
  assert.deepEqual(await moved(), [""]);

  // Side by side both are seen in full.
  await page.locator("[name^=mode-][value=side]").first().check();
  assert.equal(await page.locator(".handle").first().isVisible(), false);
  const panes = await page.locator(".compare").first().locator(".pane:not([hidden]) img").evaluateAll((all) => all.map((e) => e.getBoundingClientRect().x));
  assert.ok(panes.length === 2 && panes[0] + 100 < panes[1], `${panes}`);
  page.clean();
  await page.close();
}

async function layers() {
  const page = await open("P001/report.html");
  const compare = page.locator(".compare").first();
  for (const box of await compare.locator(".overlays [type=checkbox]").all()) {
    const layer = compare.locator(`[data-layer="${await box.getAttribute("value")}"]`);
    const hidden = async () => new Set(await layer.evaluateAll((all) => all.map((e) => getComputedStyle(e).display === "none")));
    await box.check();
    assert.deepEqual(await hidden(), new Set([false]));
    await box.uncheck();
    assert.deepEqual(await hidden(), new Set([true]));
  }
  for (const map of ["melanin", "hemoglobin"]) {
    await compare.locator(`[name^=map-][value=${map}]`).check();
    assert.ok(await compare.locator(`[data-bar=${map}]`).isVisible());
    const shown = await compare.locator("[data-map]").evaluateAll((all) => all.filter((e) => getComputedStyle(e).display !== "none").map((e) => e.dataset.map));
    assert.deepEqual([...new Set(shown)], [map]);
  }
  page.clean();
  await page.close();
}

async function lesions() {
  const page = await open("P001/report.html");
  const compare = page.locator(".compare").first();
  // From the list, by keyboard, and back.
  const card = compare.locator("button.lesion").first();
  await card.focus();
  await page.keyboard.press("Enter");
  const dialog = page.locator("dialog[open]");
  assert.equal(await dialog.count(), 1);
  assert.ok((await dialog.locator("figure svg").count()) >= 2, "crops through time");
  assert.ok((await dialog.locator("td data").count()) >= 4, "numbers");
  await accessible(page, "a lesion");
  await page.keyboard.press("Escape");
  assert.equal(await dialog.count(), 0);
  assert.ok(await card.evaluate((e) => e === document.activeElement), "the focus returns");
  // From its mark on the picture.
  const mark = compare.locator(".pane.base [data-lesion]");
  await compare.locator(".stage").evaluate((e) => e.scrollIntoView({ behavior: "instant" }));
  const box = await compare.locator(".stage").boundingBox();
  const places = await mark.evaluateAll((all) => all.map((e) => { const b = e.getBoundingClientRect(); return [b.x + 1, b.y + b.height / 2, e.dataset.lesion]; }));
  const [x, y, id] = places.find(([x, y]) => x > box.x + 4 && x < box.x + 0.4 * box.width && y > 10 && y < 850);
  await page.mouse.click(x, y);
  assert.equal(await dialog.count(), 1, `the mark of ${id} at ${x}, ${y} opens it`);
  page.clean();
  await page.close();
}

async function refusals() {
  const page = await open("P002/report.html");
  assert.ok((await page.locator(".refusal:visible li").count()) > 0, "says why and what to do");
  assert.equal(await page.locator(".stage.divider").count(), 0, "no divider over what is not aligned");
  page.clean();
  await page.close();
}

async function index() {
  const page = await open("index.html");
  const names = () => page.locator(".patients tbody tr:visible th").allTextContents();
  assert.deepEqual(await names(), ["P002", "P001"], "the worst first");
  await page.getByRole("searchbox").fill("p001");
  assert.deepEqual(await names(), ["P001"]);
  await page.getByRole("searchbox").fill("");
  await page.locator("[data-sort='0']").click();
  assert.deepEqual(await names(), ["P001", "P002"]);
  await page.locator("#status").selectOption("rejected");
  assert.deepEqual(await names(), ["P002"]);
  page.clean();
  await page.getByRole("link", { name: "P002" }).click();
  await page.waitForURL(/P002\/report\.html$/);
  await page.close();
}

try {
  for (const check of [divider, layers, lesions, refusals, index, looks]) {
    await check();
    console.log(`${check.name}: as it should be`);
  }
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  await context.close();
  rmSync(profile, { recursive: true, force: true });
}
