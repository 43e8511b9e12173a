/** An item as a row. It is made anew when its item has changed, and only then. */
import { useScope } from "../context.ts";
import type { Item } from "../items.ts";
import { memo } from "../memo.ts";
import { AskRow } from "./ask.tsx";
import { CompactionRow, EdgeRow, GapRow, LineRow, SubagentRow, TurnRow } from "./line.tsx";
import { AssistantRow, ThoughtRow, UserRow } from "./message.tsx";
import { ToolRow } from "./tool.tsx";

export const ItemRow = memo(({ item }: { item: Item }) => {
  const { store } = useScope();
  void store.row(item.key).value;
  // Called, not mounted: what these read is the item's newest state, which has no identity of its own.
  if (item.is("user")) return UserRow({ item });
  if (item.is("assistant")) return AssistantRow({ item });
  if (item.is("thought")) return ThoughtRow({ item });
  if (item.is("tool")) return ToolRow({ item });
  if (item.is("ask")) return AskRow({ item });
  if (item.is("subagent")) return SubagentRow({ item });
  if (item.is("compaction")) return CompactionRow({ item });
  if (item.is("turn")) return TurnRow({ item });
  if (item.is("gap")) return GapRow({ item });
  if (item.is("edge")) return EdgeRow({ item });
  if (item.is("line")) return LineRow({ item });
  return null;
});
