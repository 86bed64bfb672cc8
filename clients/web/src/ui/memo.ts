import { Component, h, type FunctionComponent } from "preact";

/** `component`, drawn again only when one of its properties is something else. */
export function memo<P extends object>(component: FunctionComponent<P>) {
  return class extends Component<P> {
    override shouldComponentUpdate(next: Readonly<P>): boolean {
      const names = new Set([...Object.keys(next), ...Object.keys(this.props)]) as Set<keyof P>;
      return [...names].some((name) => next[name] !== (this.props as P)[name]);
    }

    override render() {
      return h(component, this.props as P);
    }
  };
}
