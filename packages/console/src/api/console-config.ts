/** `config.json` of the controller. */
export interface ConsoleConfig {
  version: string;
  oidc: { authority: string; client_id: string; scope: string } | null;
  dev_token: boolean;
}
