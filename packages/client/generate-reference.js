// `npm run client:reference`: generates docs/reference/client from the types. Pass another folder as the argument. It fails
// if an exported type or member has no description.
import { fileURLToPath } from 'node:url';
import process from 'node:process';
import { Application } from 'typedoc';

const pathOf = (name) => fileURLToPath(new URL(name, import.meta.url));
const path = process.argv[2] ?? pathOf('../../docs/reference/client');

const app = await Application.bootstrapWithPlugins({
  name: '@agent-mesh/client',
  entryPoints: [pathOf('src/types.ts'), pathOf('src/index.ts')],
  tsconfig: pathOf('tsconfig.build.json'),
  plugin: ['typedoc-plugin-markdown'],
  outputs: [{ name: 'markdown', path }],
  readme: 'none',
  router: 'module',
  hidePageHeader: true,
  hideBreadcrumbs: true,
  excludeExternals: true,
  excludeReferences: true,
  tableColumnSettings: {
    hideDefaults: true,
    hideInherited: true,
    hideModifiers: true,
    hideOverrides: true,
  },
  parametersFormat: 'table',
  interfacePropertiesFormat: 'table',
  classPropertiesFormat: 'table',
  typeAliasPropertiesFormat: 'table',
  typeDeclarationFormat: 'table',
  propertyMembersFormat: 'table',
  disableSources: true,
  excludeInternal: true,
  excludePrivate: true,
  excludeProtected: true,
  logLevel: 'Warn',
  validation: { notExported: true, invalidLink: true, notDocumented: true },
});
const project = await app.convert();
if (project) {
  app.validate(project);
  await app.generateOutputs(project);
}
if (!project || app.logger.hasErrors() || app.logger.hasWarnings()) process.exit(1);
