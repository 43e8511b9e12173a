/** Catches what a component throws while it is shown, so that one fault does not leave an empty page. */
import { Component, type ComponentChildren } from "preact";
import { Failed } from "./failed.tsx";

export class Boundary extends Component<{ children: ComponentChildren }, { error?: unknown }> {
  override state: { error?: unknown } = {};

  static override getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error: error ?? new Error("unknown") };
  }

  override render() {
    if (this.state.error === undefined) return this.props.children;
    return (
      <Failed title="The page ran into a fault" error={this.state.error} onRetry={() => this.setState({ error: undefined })}>
        The session itself is not affected: the agent goes on, and what the relay has stored stays stored.
      </Failed>
    );
  }
}
