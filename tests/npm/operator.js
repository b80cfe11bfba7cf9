// SPDX-License-Identifier: Apache-2.0 OR MIT
// The operator's side with AWS's JavaScript SDK, as its documentation shows it; only the endpoint differs.
//
//   node operator.js register THING DIRECTORY         certificate and key into DIRECTORY
//   node operator.js update THING ID FILE SIGNATURE   upload, createOTAUpdate; prints the update
//   node operator.js show THING ID                    prints the execution
"use strict";
const fs = require("node:fs");
const iot = require("@aws-sdk/client-iot");
const s3 = require("@aws-sdk/client-s3");

const endpoint = process.env.AWS_ENDPOINT_URL;
const control = new iot.IoTClient({ endpoint });
const storage = new s3.S3Client({ endpoint, forcePathStyle: true });
const BUCKET = "from-javascript";

const POLICY = JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Action: "iot:*", Resource: "*" }],
});

async function register(thing, directory) {
    const { thingArn } = await control.send(new iot.CreateThingCommand({ thingName: thing }));
    const made = await control.send(new iot.CreateKeysAndCertificateCommand({ setAsActive: true }));
    await control.send(new iot.CreatePolicyCommand({ policyName: "javascript", policyDocument: POLICY }));
    await control.send(new iot.AttachPolicyCommand({ policyName: "javascript", target: made.certificateArn }));
    await control.send(new iot.AttachThingPrincipalCommand({ thingName: thing, principal: made.certificateArn }));
    fs.writeFileSync(`${directory}/${thing}.pem`, made.certificatePem);
    fs.writeFileSync(`${directory}/${thing}.key`, made.keyPair.PrivateKey, { mode: 0o600 });
    return { thingArn, certificateId: made.certificateId };
}

async function update(thing, id, file, signature) {
    const { thingArn } = await control.send(new iot.DescribeThingCommand({ thingName: thing }));
    await storage.send(new s3.CreateBucketCommand({ Bucket: BUCKET })).catch((error) => {
        if (error.name !== "BucketAlreadyOwnedByYou") {
            throw error;
        }
    });
    const put = await storage.send(new s3.PutObjectCommand({ Bucket: BUCKET, Key: id, Body: fs.readFileSync(file) }));
    const head = await storage.send(new s3.HeadObjectCommand({ Bucket: BUCKET, Key: id }));
    const made = await control.send(new iot.CreateOTAUpdateCommand({
        otaUpdateId: id,
        targets: [thingArn],
        protocols: ["MQTT"],
        roleArn: "arn:aws:iam::000000000000:role/ota",
        files: [{
            fileName: "/device/firmware",
            fileLocation: { s3Location: { bucket: BUCKET, key: id, version: put.VersionId } },
            codeSigning: { customCodeSigning: {
                signature: { inlineDocument: fs.readFileSync(signature) },
                certificateChain: { certificateName: "/device/code.pem" },
                hashAlgorithm: "SHA256",
                signatureAlgorithm: "ECDSA",
            } },
        }],
    }));
    const read = await control.send(new iot.GetOTAUpdateCommand({ otaUpdateId: id }));
    return { jobId: made.awsIotJobId, status: read.otaUpdateInfo.otaUpdateStatus, size: head.ContentLength };
}

async function show(thing, id) {
    const { execution } = await control.send(new iot.DescribeJobExecutionCommand({ thingName: thing, jobId: `AFR_OTA-${id}` }));
    const { job } = await control.send(new iot.DescribeJobCommand({ jobId: `AFR_OTA-${id}` }));
    return { execution: execution.status, details: execution.statusDetails.detailsMap, job: job.status };
}

const verbs = { register, update, show };
const [verb, ...words] = process.argv.slice(2);
verbs[verb](...words).then(
    (result) => console.log(JSON.stringify(result)),
    (error) => {
        console.error(`${error.name}: ${error.message}`);
        process.exitCode = 1;
    });
