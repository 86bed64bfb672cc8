import type { Chat } from "@chatapp/client";
import type { FieldErrors } from "./ui/action";
import { PICTURE_HINT } from "./ui/avatar";
import { Field } from "./ui/field";

/** What a group is called, what it is about, and its picture. */
export function GroupFields({ chat, errors }: { chat?: Chat; errors: FieldErrors }) {
  return (
    <>
      <Field
        label="Name"
        name="name"
        maxLength={100}
        autofocus
        defaultValue={chat?.name ?? ""}
        errors={errors["name"]}
      />
      <Field
        label="Description"
        name="description"
        maxLength={500}
        placeholder="Optional"
        defaultValue={chat?.description ?? ""}
        errors={errors["description"]}
      />
      <Field
        label="Picture"
        name="avatar"
        type="url"
        placeholder="https://…"
        hint={PICTURE_HINT}
        defaultValue={chat?.avatar ?? ""}
        errors={errors["avatar"]}
      />
    </>
  );
}
