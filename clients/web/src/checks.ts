// The rules of the server for the fields of forms, checked before anything is sent.
import { t } from "./texts";

const lengthOf = (text: string) => [...text].length;

export const checkRequired = (value: string) => (value ? null : t.forms.required);

export const checkUsername = (value: string) => (/^[A-Za-z0-9_]{3,20}$/.test(value) ? null : t.forms.usernameHint);

export const checkEmail = (value: string) =>
  /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value) && lengthOf(value) <= 254 ? null : t.forms.emailInvalid;

export const checkPassword = (value: string) =>
  lengthOf(value) >= 8 && lengthOf(value) <= 64 && [/[A-Z]/, /[a-z]/, /[0-9]/].every((kind) => kind.test(value))
    ? null
    : t.forms.passwordHint;

export const checkDisplayName = (value: string) => (lengthOf(value) <= 80 ? null : t.forms.tooLong(80));

export const checkGroupName = (value: string) => {
  if (!value) return t.forms.groupNameMissing;
  return lengthOf(value) <= 100 ? null : t.forms.tooLong(100);
};

export const checkDescription = (value: string) => (lengthOf(value) <= 500 ? null : t.forms.tooLong(500));
