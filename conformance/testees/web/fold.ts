/** Role VIEW: the reducer that pages show from, event by event. */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Fold } from "../../../gen/ts/conformance/harness_pb.js";
import { EventSchema, SessionStateSchema, type Event } from "../../../tools/web/link/src/messages.js";
import { View } from "../../../tools/web/link/src/view/view.js";

const event = (bytes: Uint8Array): Event => fromBinary(EventSchema, bytes);

/** A fresh view from a snapshot of this one's durable state. */
function restored(view: View): View {
  const fresh = new View();
  view.snapshot(1n).forEach((message, index) => fresh.apply(event(message), index === 0));
  return fresh;
}

/** The state that these steps come to, encoded. */
export function fold({ steps }: Fold): Uint8Array {
  let view = new View();
  for (const { step } of steps) {
    switch (step.case) {
      case "durable":
      case "begin":
        view.apply(event(step.value), step.case === "begin");
        break;
      case "tail":
        view.applyTail(event(step.value));
        break;
      case "clear":
        view.clearTail();
        break;
      case "jump":
        view = restored(view);
        break;
      default:
        throw new Error("a step of no kind");
    }
  }
  return toBinary(SessionStateSchema, view.state, { writeUnknownFields: false });
}
