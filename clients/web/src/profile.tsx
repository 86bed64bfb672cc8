import { ConflictError } from "@chatapp/client";
import { useState } from "preact/hooks";
import { client, useMe } from "./client";
import { dateOf } from "./format";
import { useAction } from "./ui/action";
import { Avatar, PICTURE_HINT } from "./ui/avatar";
import { Field } from "./ui/field";
import { FormDialog, type Values } from "./ui/form-dialog";
import { tell } from "./ui/toast";

/** One's own name and picture. */
export function Profile({ onClose }: { onClose: () => void }) {
  const me = useMe();
  const [picture, setPicture] = useState(me.avatar);
  const { run, busy, errors, setErrors } = useAction();
  const save = ({ username = "", avatar }: Values) => {
    void run(async () => {
      try {
        await client.updateMe({ username, avatar: avatar || null });
        onClose();
        tell("Your profile is saved.");
      } catch (error) {
        if (!(error instanceof ConflictError)) throw error;
        setErrors({ username: [error.message] });
      }
    });
  };
  return (
    <FormDialog title="Profile" verb="Save" disabled={busy} onSubmit={save} onClose={onClose}>
      <div class="self">
        <Avatar id={me.id} name={me.username} picture={picture} size="large" />
        <p>
          <b>{me.username}</b>
          <span>{me.email}</span>
          <span class="quiet">Here since {dateOf(me.createdAt)}</span>
        </p>
      </div>
      <Field
        label="Username"
        name="username"
        autocomplete="username"
        spellcheck={false}
        defaultValue={me.username}
        hint="3–20 letters, digits or underscores."
        errors={errors["username"]}
      />
      <Field
        label="Picture"
        name="avatar"
        type="url"
        placeholder="https://…"
        hint={PICTURE_HINT}
        defaultValue={me.avatar ?? ""}
        errors={errors["avatar"]}
        onChange={(event) => setPicture(event.currentTarget.value.trim() || null)}
      />
    </FormDialog>
  );
}
