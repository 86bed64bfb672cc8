import { useState } from "preact/hooks";

/** Files that are dragged onto an element; `isOver` while they are above it. */
export function useDrop(onFiles: (files: File[]) => void) {
  // Entering a child comes before leaving its parent.
  const [depth, setDepth] = useState(0);
  const has = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
  const events = {
    onDragEnter: (event: DragEvent) => has(event) && setDepth((depth) => depth + 1),
    onDragLeave: (event: DragEvent) => has(event) && setDepth((depth) => Math.max(0, depth - 1)),
    onDragOver: (event: DragEvent) => has(event) && event.preventDefault(),
    onDrop: (event: DragEvent) => {
      if (!has(event)) return;
      event.preventDefault();
      setDepth(0);
      onFiles([...(event.dataTransfer?.files ?? [])]);
    },
  };
  return { isOver: depth > 0, events };
}
