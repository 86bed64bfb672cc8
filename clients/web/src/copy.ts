import { t } from "./texts";
import { showNotice } from "./ui/toast";

export async function copyText(text: string): Promise<void> {
  await navigator.clipboard.writeText(text);
  showNotice(t.messages.copied);
}
