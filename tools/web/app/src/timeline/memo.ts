/** A component that is made anew only when one of its properties is another. */
import { Component, h, type ComponentType, type FunctionComponent, type VNode } from "preact";

export function memo<P extends object>(render: FunctionComponent<P>): ComponentType<P> {
  return class Memo extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      const now = this.props as unknown as Record<string, unknown>;
      const then = next as unknown as Record<string, unknown>;
      for (const key of new Set([...Object.keys(now), ...Object.keys(then)])) if (now[key] !== then[key]) return true;
      return false;
    }
    override render(props: P): VNode {
      return h(render as FunctionComponent<object>, props as object);
    }
  } as unknown as ComponentType<P>;
}
