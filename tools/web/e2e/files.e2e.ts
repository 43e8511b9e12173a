/** Files that go along with a prompt: by picking, pasting and dropping; at their limits; across cuts. */
import { randomBytes } from "node:crypto";
import { expect } from "vitest";
import { PHONE, type Client } from "./browser.ts";
import { until } from "./processes.ts";
import { scene } from "./scene.ts";

const MIB = 1024 * 1024;
const file = (name: string, bytes: number, mimeType = "application/octet-stream") => ({ name, mimeType, buffer: randomBytes(bytes) });
const shown = (client: Client, name: string) => client.at("attachment").filter({ hasText: name });

async function send(client: Client, text: string): Promise<void> {
  await client.at("prompt-input").fill(text);
  await client.at("prompt-send").click();
}

scene("a picture is pasted, seen small, and goes along; text that is pasted stays text", async (s) => {
  const player = await s.player();
  const client = await s.watching(player);
  await client.at("prompt-input").evaluate(async (box) => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 40;
    canvas.getContext("2d")!.fillRect(5, 5, 20, 20);
    const picture = await new Promise<Blob>((resolve) => canvas.toBlob((blob) => resolve(blob!), "image/png"));
    const clipboardData = new DataTransfer();
    clipboardData.items.add(new File([picture], "image.png", { type: "image/png" }));
    box.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
  });
  await shown(client, "image.png").locator("img").waitFor();
  await send(client, "what is this?");
  expect((await player.action("PROMPT")).attachments).toBe(1);
  await shown(client, "image.png").waitFor({ state: "detached" });
});

scene("what cannot go along says why, and the prompt waits for a decision", async (s) => {
  const player = await s.player();
  const client = await s.watching(player, {
    shape: PHONE,
    // a file that goes away between picking and reading: the browser fails to read it
    before: async ({ page }) => void await page.addInitScript(() => {
      const read = File.prototype.arrayBuffer;
      File.prototype.arrayBuffer = function (this: File) {
        return this.name === "gone.txt" ? Promise.reject(new DOMException("gone", "NotFoundError")) : read.call(this);
      };
    }),
  });
  await client.at("attach-file").setInputFiles([file("gone.txt", 100), file("empty.txt", 0)]);
  await shown(client, "gone.txt").getByText(/could not read it/).waitFor();
  await shown(client, "empty.txt").getByText(/is empty/).waitFor();
  await client.fits();
  await client.at("prompt-input").fill("look at these");
  await client.at("prompt-send").click();
  await client.page.getByText(/cannot go along/).first().waitFor();
  expect(await client.at("prompt-input").inputValue()).toBe("look at these");
  for (const name of ["gone.txt", "empty.txt"]) await shown(client, name).getByRole("button").click();
  // seventeen: one is left out, and said
  await client.at("attach-file").setInputFiles(Array.from({ length: 17 }, (_, at) => file(`part-${at + 1}.bin`, 200)));
  await client.page.getByText(/A prompt takes 16 files; 1 was left out/).first().waitFor();
  expect(await client.at("attachment").count()).toBe(16);
  await client.fits();
  await client.at("prompt-send").click();
  expect((await player.action("PROMPT")).attachments).toBe(16);
});

scene("two files at once, and a prompt that waits for them, across a cut in the middle", async (s) => {
  const player = await s.player();
  const proxy = await s.world.proxy();
  const client = await s.watching(player, { shape: PHONE, proxy });
  client.allowCuts();
  proxy.delay(30); // so that there is a middle
  await client.at("attach-file").setInputFiles([file("first.bin", 6 * MIB), file("second.bin", 5 * MIB)]);
  await send(client, "both of these");
  // in the middle of it, on a machine that is not too fast for that
  const stored = client.at("command-waiting").getByText(/[1-9]\d? % stored/);
  await until("some of it has been stored", async () => player.actions.length > 0 || (await stored.count()) > 0);
  proxy.cut();
  proxy.delay(0);
  await client.live();
  const prompt = await player.action("PROMPT");
  expect(prompt).toMatchObject({ text: "both of these", attachments: 2 });
  expect(player.actions.filter((a) => a.action === "PROMPT").length).toBe(1);
});
