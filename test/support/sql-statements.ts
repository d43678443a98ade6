import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import ts from 'typescript';

/** A statement of the application, as it stands in the code. */
export interface SourceStatement {
  /** File and function, such as `tasks/tasks.repository.ts get`. */
  site: string;
  /**
   * The strings of the code from which the statement is made, one on each line, with those of the constants and functions
   * that it uses. A value is `$`. Of parts among which the code chooses, it contains all.
   */
  text: string;
}

/** The functions and methods that run a statement. See src/sql-rules.spec.ts. */
const RUNNERS = new Set([
  ...['sql', 'sqlPage', 'sqlInBatch', 'sqlWithCommit', 'queueSql'],
  ...['readOne', 'runStatement', 'query'],
]);
const HOMES = /\.repository\.ts$|^database\/[^/]*\.ts$/;
const IS_SQL = /\b(SELECT|INSERT|UPDATE|DELETE|LOCK)\b/;

interface SourceModule {
  name: string;
  source: ts.SourceFile;
  declarations: Map<string, ts.Node>;
  /** By the local name. */
  imports: Map<string, { from: string; name: string }>;
}

/**
 * Returns the statements of all repositories and of the folder `database`. A table whose name is a parameter is not found:
 * erasure names its tables in this way.
 */
export function readStatements(): SourceStatement[] {
  const modules = readModules();
  const statements: SourceStatement[] = [];
  for (const module of modules.values()) {
    if (!HOMES.test(module.name)) continue;
    visitCalls(module.source, (call) => {
      if (!RUNNERS.has(nameOfCallee(call))) return;
      const text = new Closure(modules).textOf(module, call.arguments);
      if (IS_SQL.test(text)) statements.push({ site: `${module.name} ${nameOfSite(call)}`, text });
    });
  }
  return statements;
}

/** Returns a text of SQL in the form of {@link SourceStatement}. */
export function normalized(text: string): string {
  return text
    .replace(/--.*$/gm, ' ')
    .replace(/\$\d+|\?(?![|&])|\bNEW\.\w+/g, '$$')
    .replace(/\$(::\w+(\[\])?)?/g, '$$')
    .replace(/\s+/g, ' ')
    .trim();
}

function readModules(): Map<string, SourceModule> {
  const modules = new Map<string, SourceModule>();
  for (const file of readdirSync('src', { recursive: true, encoding: 'utf8' })) {
    const name = file.replaceAll('\\', '/');
    if (!name.endsWith('.ts') || /\.spec\.ts$|\.d\.ts$/.test(name)) continue;
    const text = readFileSync(posix.join('src', name), 'utf8');
    const source = ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true);
    modules.set(name, { name, source, ...namesOf(name, source) });
  }
  return modules;
}

function namesOf(
  file: string,
  source: ts.SourceFile,
): Pick<SourceModule, 'declarations' | 'imports'> {
  const imports: SourceModule['imports'] = new Map();
  for (const statement of source.statements) {
    if (!ts.isImportDeclaration(statement)) continue;
    const { moduleSpecifier, importClause } = statement;
    const bindings = importClause?.namedBindings;
    if (!ts.isStringLiteral(moduleSpecifier) || !bindings || !ts.isNamedImports(bindings)) continue;
    const path = moduleSpecifier.text.replace(/\.js$/, '.ts');
    const from = posix.join(posix.dirname(file), path);
    for (const { name, propertyName } of bindings.elements)
      imports.set(name.text, { from, name: (propertyName ?? name).text });
  }
  return { declarations: declarationsIn(source.statements), imports };
}

function declarationsIn(statements: readonly ts.Statement[]): Map<string, ts.Node> {
  const declarations = new Map<string, ts.Node>();
  for (const statement of statements) {
    if (ts.isFunctionDeclaration(statement) && statement.name)
      declarations.set(statement.name.text, statement);
    if (!ts.isVariableStatement(statement)) continue;
    for (const { name, initializer } of statement.declarationList.declarations) {
      if (!initializer) continue;
      if (ts.isIdentifier(name)) declarations.set(name.text, initializer);
      else
        for (const part of name.elements)
          if (isNamed(part)) declarations.set(part.name.text, initializer);
    }
  }
  return declarations;
}

function isNamed(
  part: ts.ArrayBindingElement,
): part is ts.BindingElement & { name: ts.Identifier } {
  return ts.isBindingElement(part) && ts.isIdentifier(part.name);
}

/** Collects the strings that an expression uses, directly or through constants and functions. */
class Closure {
  private readonly visited = new Set<ts.Node>();
  private readonly strings: string[] = [];

  constructor(private readonly modules: ReadonlyMap<string, SourceModule>) {}

  textOf(module: SourceModule, expressions: readonly ts.Expression[]): string {
    for (const expression of expressions) this.visit(module, expression);
    return this.strings.map(normalized).join('\n');
  }

  private visit(module: SourceModule, node: ts.Node): void {
    if (ts.isTypeNode(node) || this.visited.has(node)) return;
    this.visited.add(node);
    if (ts.isStringLiteralLike(node)) this.strings.push(node.text);
    else if (ts.isTemplateExpression(node)) this.strings.push(textOfTemplate(node));
    else if (ts.isIdentifier(node)) this.follow(module, node);
    else if (ts.isPropertyAccessExpression(node)) this.followMember(module, node);
    ts.forEachChild(node, (child) => {
      if (!isName(node, child)) this.visit(module, child);
    });
  }

  private follow(module: SourceModule, node: ts.Identifier): void {
    const local = localDeclaration(node) ?? module.declarations.get(node.text);
    // Rows of an earlier statement are values of this one.
    if (local && ts.isAwaitExpression(local)) return;
    if (local) {
      this.visit(module, local);
      return;
    }
    const imported = module.imports.get(node.text);
    const target = imported && this.modules.get(imported.from);
    const declaration = imported && target?.declarations.get(imported.name);
    if (target && declaration) this.visit(target, declaration);
  }

  /** Follows `this.method`. */
  private followMember(module: SourceModule, node: ts.PropertyAccessExpression): void {
    if (node.expression.kind !== ts.SyntaxKind.ThisKeyword) return;
    const owner = ancestor(node, ts.isClassDeclaration);
    const method = owner?.members.find(
      (member) => ts.isMethodDeclaration(member) && member.name.getText() === node.name.text,
    );
    if (method) this.visit(module, method);
  }
}

/** The text of a template, with `$` for each part that is an expression. Strings in the expressions follow separately. */
function textOfTemplate({ head, templateSpans }: ts.TemplateExpression): string {
  return head.text + templateSpans.map(({ literal }) => `$${literal.text}`).join('');
}

/** Whether a child is the name of a member, not a reference. */
function isName(parent: ts.Node, child: ts.Node): boolean {
  return (
    (ts.isPropertyAccessExpression(parent) && child === parent.name) ||
    (ts.isPropertyAssignment(parent) && child === parent.name) ||
    (ts.isMethodDeclaration(parent) && child === parent.name)
  );
}

/** Returns the value of a constant of the functions around a reference. */
function localDeclaration(node: ts.Identifier): ts.Node | undefined {
  for (let around: ts.Node = node; !ts.isSourceFile(around); around = around.parent) {
    if (!ts.isBlock(around)) continue;
    const declaration = declarationsIn(around.statements).get(node.text);
    if (declaration) return declaration;
  }
  return undefined;
}

function visitCalls(node: ts.Node, found: (call: ts.CallExpression) => void): void {
  if (ts.isCallExpression(node)) found(node);
  ts.forEachChild(node, (child) => {
    visitCalls(child, found);
  });
}

function nameOfCallee({ expression }: ts.CallExpression): string {
  return ts.isPropertyAccessExpression(expression) ? expression.name.text : expression.getText();
}

function nameOfSite(call: ts.CallExpression): string {
  const site = ancestor(
    call,
    (node): node is ts.MethodDeclaration | ts.FunctionDeclaration =>
      ts.isMethodDeclaration(node) || ts.isFunctionDeclaration(node),
  );
  return site?.name?.getText() ?? 'module';
}

function ancestor<Kind extends ts.Node>(
  node: ts.Node,
  isKind: (node: ts.Node) => node is Kind,
): Kind | undefined {
  for (let around: ts.Node = node; !ts.isSourceFile(around); around = around.parent)
    if (isKind(around)) return around;
  return undefined;
}
