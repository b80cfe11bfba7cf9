/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The cloud's part in making a device: thing, policy, certificates. Everything may be repeated. */
#ifndef DR_CLI_DEVICE_IDENTITY_H
#define DR_CLI_DEVICE_IDENTITY_H

#include "boards/linux/bundle.h"
#include "cli/aws.h"
#include "cli/device.h"
#include "format/enclosed.h"
#include "tools/provision/provision.h"

/* The policy that devices made here get; created when the cloud does not have it. */
#define DR_CLI_DEVICE_POLICY "daruma-device"

/* What goes into the bundle, and who owns the text. */
struct dr_cli_identity {
    struct dr_bundle bundle;
    json_t *settings; /* cloud.json */
    json_t *normal;   /* the cloud's answers, with certificatePem and certificateArn */
    json_t *recovery;
    char *ca_pem;
    uint8_t bundle_key[DR_ENCLOSED_KEY_BYTES];
};

/* Is there a cloud to talk to? 0, or an exit code after a message that says what to do. */
int dr_cli_identity_open(struct dr_cli *cli, struct dr_cli_identity *identity);

/* One name is one identity: does the cloud have certificates for this name that were not made for
 * this device directory? Without replace that is an error. With it they are detached and deleted,
 * so that whoever has their keys cannot connect any more; the thing and its history stay. 0, or an
 * exit code after a message. Changes nothing in the device directory. */
int dr_cli_identity_claim(struct dr_cli *cli, const struct dr_cli_device *device, bool replace);

/* Register the device and have its requests signed. Certificates of a run that was cut are found in
 * the device directory and used again. 0, or an exit code after a message. */
int dr_cli_identity_make(
    struct dr_cli *cli, const struct dr_cli_device *device,
    const struct dr_provision_requests *requests, struct dr_cli_identity *identity);

void dr_cli_identity_close(struct dr_cli_identity *identity);

#endif
