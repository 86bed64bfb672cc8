import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Token } from "./highlight";
import { languageOf } from "./languages";
import { type Block, type Inline, parse } from "./markdown";

/** Renders a part of a text that has no marks. */
export type ShowText = (text: string) => ComponentChildren;

/** A text in Markdown, as elements. */
export function Markdown({ text, show }: { text: string; show: ShowText }) {
  return <div class="text rich">{parse(text).map((block) => blockView(block, show))}</div>;
}

function blockView(block: Block, show: ShowText): ComponentChildren {
  switch (block.type) {
    case "paragraph":
      return <p>{inlines(block.children, show)}</p>;
    case "code":
      return <CodeBlock language={block.language} text={block.text} />;
    case "quote":
      return <blockquote>{block.children.map((each) => blockView(each, show))}</blockquote>;
    case "list": {
      const items = block.items.map((item) => <li>{item.map((each) => blockView(each, show))}</li>);
      return block.start === null ? <ul>{items}</ul> : <ol start={block.start}>{items}</ol>;
    }
  }
}

const inlines = (nodes: readonly Inline[], show: ShowText) => nodes.map((node) => inlineView(node, show));

function inlineView(node: Inline, show: ShowText): ComponentChildren {
  switch (node.type) {
    case "text":
      return show(node.text);
    case "code":
      return <code dir="ltr">{node.text}</code>;
    case "strong":
      return <strong>{inlines(node.children, show)}</strong>;
    case "emphasis":
      return <em>{inlines(node.children, show)}</em>;
    case "strike":
      return <del>{inlines(node.children, show)}</del>;
    case "link":
      return (
        <ExternalLink href={node.href} isAddress={node.isBare}>
          {inlines(node.children, (text) => text)}
        </ExternalLink>
      );
  }
}

/** A link to elsewhere. One that is named says where it leads while it is pointed at. */
export const ExternalLink = ({
  href,
  isAddress,
  children,
}: {
  href: string;
  isAddress: boolean;
  children: ComponentChildren;
}) => (
  <a
    href={href}
    dir={isAddress ? "ltr" : undefined}
    title={isAddress ? undefined : href}
    tabIndex={-1}
    target="_blank"
    rel="noopener noreferrer nofollow"
  >
    {children}
  </a>
);

/** Code, with colours once the script for them has arrived. */
function CodeBlock({ language, text }: { language: string; text: string }) {
  const [tokens, setTokens] = useState<readonly Token[] | null>(null);
  useEffect(() => {
    let isCurrent = true;
    const known = languageOf(language);
    if (known) {
      // Without colours it is as readable.
      const found = import("./highlight").then(({ highlight }) => highlight(text, known));
      found.then((each) => isCurrent && setTokens(each)).catch(() => {});
    }
    return () => {
      isCurrent = false;
    };
  }, [language, text]);
  return (
    <pre dir="ltr">
      <code>
        {tokens ? tokens.map(([part, type]) => (type ? <span class={`token-${type}`}>{part}</span> : part)) : text}
      </code>
    </pre>
  );
}
