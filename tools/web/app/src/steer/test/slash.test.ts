import { describe, expect, it } from "vitest";
import { create, SlashCommandSchema } from "@libremote/link/messages";
import { fitName } from "../attachments.ts";
import { completions, isBlank, meaning, slashBeginning } from "../slash.ts";

const commands = [
  create(SlashCommandSchema, { name: "clear", remoteAllowed: false }), create(SlashCommandSchema, { name: "compact", remoteAllowed: true }),
  create(SlashCommandSchema, { name: "help", remoteAllowed: true }),
];

describe("what a prompt means", () => {
  it("knows blanks as agents do", () => {
    for (const text of ["", " \n\t", "\u3000\ufeff\u2028"]) expect([text, isBlank(text), meaning(text, commands).kind]).toEqual([text, true,
      "blank"]);
  });
  it("refuses a shell's beginning, also behind blanks", () => {
    for (const text of ["!ls", " \n!ls", "\ufeff!x"]) expect(meaning(text, commands).kind).toBe("refused");
    expect(meaning("a !ls", commands).kind).toBe("prompt");
  });
  it("runs allowed slash commands, refuses others that are known, and leaves the rest to the agent", () => {
    expect(meaning("/compact  now\nplease", commands)).toEqual({ kind: "slash", name: "compact", args: "now\nplease" });
    expect(meaning("/clear", commands).kind).toBe("refused");
    expect(meaning(" /clear it", commands).kind).toBe("refused");
    expect(meaning("/etc/hosts is odd", commands).kind).toBe("prompt");
    expect(meaning("/clearly", commands).kind).toBe("prompt");
    expect(meaning("//clear", commands).kind).toBe("prompt");
  });
  it("sends one with files as a prompt: a slash command takes none", () => {
    expect(meaning("/compact", commands, 1).kind).toBe("prompt");
    expect(meaning("/clear", commands, 1).kind).toBe("refused");
    expect(meaning(`/compact ${"x".repeat(16385)}`, commands).kind).toBe("prompt");
  });
});

describe("completion", () => {
  it("goes on while the name is being written", () => {
    expect(slashBeginning("/")).toBe("");
    expect(slashBeginning("/co")).toBe("co");
    expect(slashBeginning("/co ")).toBeUndefined();
    expect(slashBeginning("x/co")).toBeUndefined();
  });
  it("shows those that may be run first", () => {
    expect(completions(commands, "c").map((c) => c.name)).toEqual(["compact", "clear"]);
    expect(completions(commands, "").map((c) => c.name)).toEqual(["compact", "help", "clear"]);
    expect(completions(commands, "x")).toEqual([]);
  });
});

describe("names of files", () => {
  it("fit the wire, and keep their ending", () => {
    const name = fitName(`${"ä".repeat(200)}.png`);
    expect(new TextEncoder().encode(name).length).toBeLessThanOrEqual(255);
    expect(name.endsWith(".png")).toBe(true);
    expect(fitName("a\0b.txt")).toBe("ab.txt");
    expect(fitName("")).toBe("file");
  });
});
