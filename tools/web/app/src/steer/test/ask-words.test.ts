import { expect, it } from "vitest";
import { AskSchema, create } from "@libremote/link/messages";
import { saysItself, titleBeside } from "../ask-words.ts";

it("leaves out a title that only repeats the command", () => {
  const command = "touch made && seq 1 40";
  for (const title of ["", command, `Runs: ${command}`, `${command} (Runs: ${command})`, `\`${command}\``]) expect(titleBeside(title, command)).toBe("");
  for (const title of ["Delete everything", `${command} and then push it`]) expect(titleBeside(title, command)).toBe(title);
  expect(titleBeside("Writing to a.py", "")).toBe("Writing to a.py");
});

it("knows what is shown whole: a command, a change, an address", () => {
  const asks = [{ command: "ls" }, { url: "https://example.org" }, { diffs: [{ newText: "a" }] }]
    .map((value) => create(AskSchema, { kind: { case: "permission", value } }));
  expect(asks.map(saysItself)).toEqual([true, true, true]);
  expect(saysItself(create(AskSchema, { kind: { case: "permission", value: { title: "Search for words" } } }))).toBe(false);
  expect(saysItself(create(AskSchema, { kind: { case: "plan", value: { text: "1. all of it" } } }))).toBe(false);
});
