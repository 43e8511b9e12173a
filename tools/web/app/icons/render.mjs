// Draws public/icons/*.png from icon.svg with Chromium: node icons/render.mjs. The results are committed.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const svg = readFileSync(here("icon.svg"), "utf8");
// A maskable icon fills its square, and keeps what counts within the middle 80 %.
const maskable = svg.replace(' rx="112"', "").replace("<g ", '<g transform="translate(51 51) scale(0.8)" ');
const wanted = [
  ["icon-192.png", svg, 192], ["icon-512.png", svg, 512], ["maskable-512.png", maskable, 512], ["apple-180.png", maskable, 180],
  ["badge-96.png", svg.replace(/<rect[^>]*>/, ""), 96],
];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
for (const [name, source, size] of wanted) {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  const sized = source.replace("<svg ", `<svg width="${size}" height="${size}" style="display:block" `);
  await page.setContent(`<body style="margin:0;background:transparent">${sized}</body>`);
  writeFileSync(here(`../public/icons/${name}`), await page.screenshot({ omitBackground: true }));
  await page.close();
}
await browser.close();
