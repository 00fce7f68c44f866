"use strict";
// A minimal LoopBack application around @sourceloop/video-conferencing-service, whose files are as npm installed them.
// Environment: PEER_ROOT (where node_modules is), PORT, WORKERS, DB, VONAGE_URL, and what env.sh sets.
const cluster = require("cluster");
const path = require("path");
const { createRequire } = require("module");

const PACKAGE = "@sourceloop/video-conferencing-service";
const fromApp = createRequire(path.join(process.env.PEER_ROOT, "package.json"));
const fromPackage = createRequire(fromApp.resolve(PACKAGE));

// The service names no address of the provider. The SDK takes one as its third argument, so its export is wrapped to
// supply it.
function redirectProvider(apiUrl) {
  const OpenTok = fromPackage("opentok");
  const Redirected = function (key, secret) {
    return new OpenTok(key, secret, { apiUrl });
  };
  Object.assign(Redirected, OpenTok);
  Redirected.default = Redirected;
  require.cache[fromPackage.resolve("opentok")].exports = Redirected;
}

// As published, POST /webhooks/session can store nothing: the route authenticates nobody, so its repository's create()
// and updateById() refuse for want of a current user; and with a user they set createdBy and modifiedBy, which the
// attendee's model doesn't define. The plain methods of the base class take their place, so that there is something to
// measure; the rest of the way is the package's.
function repairWebhook() {
  const { SessionAttendeesRepository } = fromApp(`${PACKAGE}/dist/repositories`);
  const { DefaultCrudRepository } = fromPackage("@loopback/repository");
  for (const method of ["create", "updateAll", "updateById"]) {
    SessionAttendeesRepository.prototype[method] = DefaultCrudRepository.prototype[method];
  }
}

async function serve() {
  redirectProvider(process.env.VONAGE_URL);
  repairWebhook();
  const { RestApplication } = fromPackage("@loopback/rest");
  const { BootMixin } = fromPackage("@loopback/boot");
  const { RepositoryMixin, juggler } = fromPackage("@loopback/repository");
  const { VideoConfServiceComponent, VonageBindings } = fromApp(PACKAGE);

  class Peer extends BootMixin(RepositoryMixin(RestApplication)) {
    constructor(options) {
      super(options);
      this.projectRoot = __dirname;
      const database = {
        name: "videochatDb",
        connector: "postgresql",
        host: process.env.PGHOST,
        port: Number(process.env.PGPORT),
        user: process.env.PGUSER,
        password: "",
        database: process.env.DB,
        schema: "videochatms",
      };
      this.dataSource(new juggler.DataSource(database), "videochatDb");
      this.component(VideoConfServiceComponent);
      const { VONAGE_API_KEY: apiKey, VONAGE_API_SECRET: apiSecret } = process.env;
      this.bind(VonageBindings.config).to({ apiKey, apiSecret, timeToStart: 10 });
    }
  }

  const app = new Peer({ rest: { port: Number(process.env.PORT), host: "127.0.0.1", gracePeriodForClose: 500 } });
  await app.boot();
  await app.start();
  for (const name of ["SIGTERM", "SIGINT"]) process.on(name, () => process.exit(0));
  console.log(`peer ready on ${app.restServer.url}, process ${process.pid}`);
}

function share(workers) {
  for (let i = 0; i < workers; i++) cluster.fork();
  let left = workers;
  cluster.on("exit", () => {
    if (--left === 0) process.exit(0);
  });
  for (const name of ["SIGTERM", "SIGINT"]) {
    process.on(name, () => Object.values(cluster.workers).forEach((worker) => worker.process.kill("SIGTERM")));
  }
}

if (cluster.isPrimary) {
  share(Number(process.env.WORKERS));
} else {
  serve().catch((error) => {
    console.error("cannot start", error);
    process.exit(1);
  });
}
