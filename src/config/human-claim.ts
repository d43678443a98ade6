/** A condition of `HUMAN_CLAIMS`: `claim`, `!claim`, `claim=value`, `!claim=value` or `claim!=value`. */
export const HUMAN_CLAIM =
  /^(?<not>!)?(?<name>[^\s=!*]+)(?:(?<operator>=|(?<!^!.*)!=)(?<value>[^\s=](?:.*\S)?))?$/su;
