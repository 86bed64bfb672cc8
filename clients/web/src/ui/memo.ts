import { Component, h, type FunctionComponent } from "preact";

/** `component`, drawn again only when one of its properties is something else. */
export function memo<P extends object>(component: FunctionComponent<P>) {
  return class extends Component<P> {
    override shouldComponentUpdate(next: Readonly<P>): boolean {
      const props = this.props as P;
      for (const name in next) if (next[name] !== props[name]) return true;
      for (const name in props) if (!(name in next)) return true;
      return false;
    }

    override render() {
      return h(component, this.props as P);
    }
  };
}
