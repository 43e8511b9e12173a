import { expect, it } from "vitest";
import { create, EventSchema, ToolStatus } from "@libremote/link/messages";
import { addToolEvent, newTool } from "../fold_tool.ts";
import { toolLook } from "../rows/tool.tsx";

it("does not call a tool running that waits to be allowed, and counts its time from then", () => {
  const fold = newTool("t");
  const event = (atMs: number, body: NonNullable<Parameters<typeof create<typeof EventSchema>>[1]>["body"]) =>
    addToolEvent(fold, create(EventSchema, { atMs: BigInt(atMs), body } as Parameters<typeof create<typeof EventSchema>>[1]), true);
  event(1_000, { case: "toolStarted", value: { tool: { toolCallId: "t", title: "make", status: ToolStatus.RUNNING } } });
  expect(toolLook(fold, false, true)).toEqual({ status: "pending", words: "waits for an answer" });
  event(61_000, { case: "toolAuthorized", value: { toolCallId: "t" } });
  expect(toolLook(fold, false, false).status).toBe("running");
  event(62_500, { case: "toolEnded", value: { toolCallId: "t", status: ToolStatus.COMPLETED } });
  expect(fold.endedMs - fold.startedMs).toBe(1_500);
  expect(toolLook(fold, false, true).status).toBe("completed");
});
