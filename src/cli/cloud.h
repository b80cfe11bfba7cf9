/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* A private cloud in a directory: what is in it, how it is made, and the three processes that run
 * from it (`daruma cloud up|down|status`).
 *
 *   cloud.json       where the API is and with which key to call it (0600); what the other verbs
 * read env.sh           the same for the AWS command line, to be sourced (0600) credentials
 * darumad's copy of the keys (0600) darumad.conf, mosquitto.conf   written at every start pki/
 * ca.pem, device-ca.pem, keys and certificates of broker, API and service pki/clients/     issuers
 * of client certificates the broker accepts, by subject hash store/ blobs/ signer/ run/
 *
 * The directory belongs to whoever started the cloud first and is not for others.
 */
#ifndef DR_CLI_CLOUD_H
#define DR_CLI_CLOUD_H

#include "cli/cli.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define DR_CLOUD_PATH_BYTES 3072u
#define DR_CLOUD_REGION "local"
#define DR_CLOUD_ACCOUNT "000000000000"

struct dr_cloud {
    struct dr_cli *cli;
    char dir[2048]; /* absolute */
    uint16_t api_port;
    uint16_t mqtt_port;
    char access_key_id[32];
    char secret[64];
    char service_certificate_id[65];
    bool is_new; /* made in this run */
    bool strict; /* AWS's own limits, in this run */
    bool signer_user_set;
    uid_t signer_uid; /* with signer_user_set */
    gid_t signer_gid;
};

/* DIR/name in one of four rotating buffers. */
const char *dr_cloud_path(const struct dr_cloud *cloud, const char *name);

/* Resolve the directory (made when `create`). 0, or an exit code after an error line. */
int dr_cloud_locate(struct dr_cli *cli, bool create, struct dr_cloud *ret_cloud);

/* For verbs about a cloud that is there: parse --dir, which is all they take, and locate it. 0, or
 * an exit code after an error line. */
int dr_cloud_named(struct dr_cli *cli, struct dr_cloud *ret_cloud);

/* Read cloud.json. False when there is none or it is damaged. */
bool dr_cloud_load(struct dr_cloud *cloud);

/* Make what is missing: directories, keys, certificates, credentials, cloud.json; renew server
 * certificates that end soon; write both configurations. Safe to repeat after a cut anywhere. */
int dr_cloud_prepare(struct dr_cloud *cloud);

/* cloud_config.c: the texts. */
int dr_cloud_write_configs(struct dr_cloud *cloud);
int dr_cloud_write_settings(struct dr_cloud *cloud);

/* --- processes (cloud_process.c) --- */

enum dr_cloud_part {
    DR_CLOUD_SIGNER,
    DR_CLOUD_BROKER,
    DR_CLOUD_DAEMON,
};
#define DR_CLOUD_PARTS 3u

struct dr_cloud_processes {
    pid_t pids[DR_CLOUD_PARTS]; /* 0: not running */
    int lock_fd;
};

/* Take the cloud's lock: one supervisor at a time. Keep it open as long as the cloud runs. */
int dr_cloud_lock(struct dr_cloud *cloud, struct dr_cloud_processes *processes);

/* Process id of the supervisor that holds the lock, 0 when none does. */
pid_t dr_cloud_supervisor(const struct dr_cloud *cloud);

/* Start all parts and wait until darumad says it is ready. On failure everything is stopped again.
 */
int dr_cloud_start(struct dr_cloud *cloud, struct dr_cloud_processes *processes);

/* Watch until a signal or until a part ends by itself. 0 when told to stop. */
int dr_cloud_supervise(struct dr_cloud *cloud, struct dr_cloud_processes *processes);

/* End the parts in reverse order; those that do not listen within 10 s are killed. */
void dr_cloud_stop(struct dr_cloud_processes *processes);

#endif
