# One image for every role: surprisal serve --role all|api|worker.
FROM node:22-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc* ./
RUN npm ci --ignore-scripts
COPY . .
# Without the package of native TensorFlow.js, 250 MB that serve only with another 590 (docs/configuration.md).
RUN npm run build && npm prune --omit=dev --ignore-scripts \
  && npm uninstall --no-save --omit=dev --ignore-scripts @tensorflow/tfjs-node

FROM node:22-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build --chown=root:root /app/package.json ./
COPY --from=build --chown=root:root /app/node_modules ./node_modules
COPY --from=build --chown=root:root /app/dist ./dist
COPY --from=build --chown=root:root /app/web/dist ./web/dist
COPY --from=build --chown=root:root /app/config ./config
COPY --from=build --chown=root:root /app/bin ./bin
# The API key and caches; the service writes nowhere else.
RUN mkdir /var/lib/surprisal && chown node:node /var/lib/surprisal
ENV SURPRISAL_HOME=/var/lib/surprisal
VOLUME /var/lib/surprisal
USER node
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=6 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT || 3000) + '/health/live').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# No shell in between, so that SIGTERM reaches the service and it drains.
ENTRYPOINT ["node", "--enable-source-maps", "bin/surprisal.js"]
CMD ["serve"]
