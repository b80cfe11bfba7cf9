// SPDX-License-Identifier: Apache-2.0 OR MIT
// A device on AWS's JavaScript device SDK: jobs by its request-response client (which subscribes to the answers and
// must get each of them once), a file by its stream's topics, a look at a shadow. One JSON line for each step.
//
//   node device.js HOST PORT CA CERTIFICATE KEY THING
"use strict";
const crypto = require("node:crypto");
const { once } = require("node:events");
const { iot, iotjobs, iotshadow, mqtt5 } = require("aws-iot-device-sdk-v2");

const [host, port, ca, certificate, key, thing] = process.argv.slice(2);
const BLOCK_BYTES = 4096;
const BATCH = 8;
const SHADOW_WAIT_S = 2;

function say(step, more = {}) {
    console.log(JSON.stringify({ step, ...more }));
}

function connection() {
    const builder = iot.AwsIotMqtt5ClientConfigBuilder.newDirectMqttBuilderWithMtlsFromPath(host, certificate, key);
    builder.withCertificateAuthorityFromPath(undefined, ca);
    builder.withPort(Number(port));
    builder.withConnectProperties({ clientId: thing, keepAliveIntervalSeconds: 60 });
    return new mqtt5.Mqtt5Client(builder.build());
}

// All blocks of a file, by the JSON dialect; requests of BATCH blocks, one after the other.
async function download(client, stream, size) {
    const topic = `$aws/things/${thing}/streams/${stream}`;
    const count = Math.ceil(size / BLOCK_BYTES);
    const blocks = new Map();
    let wake = () => {};
    client.on("messageReceived", ({ message }) => {
        if (message.topicName === `${topic}/data/json`) {
            const block = JSON.parse(Buffer.from(message.payload));
            blocks.set(block.i, Buffer.from(block.p, "base64"));
            wake();
        }
    });
    await client.subscribe({ subscriptions: [{ topicFilter: `${topic}/data/json`, qos: mqtt5.QoS.AtMostOnce }] });
    for (let first = 0; first < count; first += BATCH) {
        const wanted = Math.min(count, first + BATCH);
        await client.publish({
            topicName: `${topic}/get/json`,
            qos: mqtt5.QoS.AtMostOnce,
            payload: JSON.stringify({ s: 1, f: 0, l: BLOCK_BYTES, o: first, n: wanted - first }),
        });
        while (blocks.size < wanted) {
            await new Promise((resolve) => { wake = resolve; });
        }
    }
    return Buffer.concat([...blocks.keys()].sort((a, b) => a - b).map((index) => blocks.get(index)));
}

async function shadow(client) {
    const shadows = iotshadow.IotShadowClientv2.newFromMqtt5(client, {
        maxRequestResponseSubscriptions: 2, maxStreamingSubscriptions: 1, operationTimeoutInSeconds: SHADOW_WAIT_S,
    });
    try {
        return { shadow: await shadows.getShadow({ thingName: thing }) };
    } catch (error) {
        return { error: error.message };
    } finally {
        shadows.close();
    }
}

async function main() {
    let disconnections = 0;
    const client = connection();
    client.on("disconnection", () => { disconnections++; });
    client.on("error", (error) => { console.error(String(error)); });
    const connected = once(client, "connectionSuccess");
    client.start();
    await connected;
    say("connected");

    const jobs = iotjobs.IotJobsClientv2.newFromMqtt5(client, {
        maxRequestResponseSubscriptions: 6, maxStreamingSubscriptions: 4, operationTimeoutInSeconds: 20,
    });
    const changes = [];
    let told = () => {};
    const stream = jobs.createNextJobExecutionChangedStream({ thingName: thing });
    const subscribed = once(stream, "subscriptionStatus");
    stream.on("incomingPublish", ({ message }) => {
        changes.push(message.execution ? message.execution.jobId : null);
        told();
    });
    stream.open();
    await subscribed;
    const idle = await jobs.describeJobExecution({ thingName: thing, jobId: "$next" });
    say("idle", { pending: idle.execution !== undefined });

    while (changes.length === 0) {
        await new Promise((resolve) => { told = resolve; });
    }
    const started = await jobs.startNextPendingJobExecution({ thingName: thing, statusDetails: { progress: "started" } });
    const { jobId, jobDocument, versionNumber } = started.execution;
    say("started", { jobId, versionNumber });
    const file = jobDocument.afr_ota.files[0];
    const data = await download(client, jobDocument.afr_ota.streamname, file.filesize);
    say("downloaded", { size: data.length, sha256: crypto.createHash("sha256").update(data).digest("hex") });

    const wrong = await jobs.updateJobExecution({ thingName: thing, jobId, status: "SUCCEEDED", expectedVersion: 7 })
        .catch((error) => error.modeledError);
    say("refused", { code: wrong.code, version: wrong.executionState.versionNumber });
    const done = await jobs.updateJobExecution({
        thingName: thing, jobId, status: "SUCCEEDED", expectedVersion: versionNumber,
        includeJobExecutionState: true, statusDetails: { reason: "accepted" },
    });
    say("finished", { state: done.executionState });
    const pending = await jobs.getPendingJobExecutions({ thingName: thing });
    say("pending", { inProgress: pending.inProgressJobs.length, queued: pending.queuedJobs.length });

    const seen = await shadow(client);
    const ended = await jobs.describeJobExecution({ thingName: thing, jobId }).catch((error) => error.modeledError);
    say("after a look at a shadow", { ...seen, code: ended.code, disconnections });
    while (changes.length < 2) {
        await new Promise((resolve) => { told = resolve; });
    }
    say("told", { changes });
    jobs.close();
    const stopped = once(client, "stopped");
    client.stop();
    await stopped;
    client.close();
    say("stopped");
}

// The native part keeps the loop alive for a while after everything is closed.
main().then(() => process.exit(0), (error) => {
    console.error(error);
    process.exit(1);
});
