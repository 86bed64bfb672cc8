import { useState } from "preact/hooks";

const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;

/** Files that are dropped where nothing takes them must not make the browser open them and leave the page. */
export function refuseStrayFiles(): void {
  const refuse = (event: DragEvent) => {
    if (event.defaultPrevented || !hasFiles(event)) return;
    event.preventDefault();
    event.dataTransfer!.dropEffect = "none";
  };
  addEventListener("dragover", refuse);
  addEventListener("drop", refuse);
}

/** Files that are dragged onto an element; `isOver` while they are above it. */
export function useDrop(onFiles: (files: File[]) => void) {
  // Entering a child comes before leaving its parent.
  const [depth, setDepth] = useState(0);
  const events = {
    onDragEnter: (event: DragEvent) => hasFiles(event) && setDepth((depth) => depth + 1),
    onDragLeave: (event: DragEvent) => hasFiles(event) && setDepth((depth) => Math.max(0, depth - 1)),
    onDragOver: (event: DragEvent) => hasFiles(event) && event.preventDefault(),
    onDrop: (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setDepth(0);
      onFiles([...(event.dataTransfer?.files ?? [])]);
    },
  };
  return { isOver: depth > 0, events };
}
