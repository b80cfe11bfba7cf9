/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The configurations that `cloud up` writes, each line with its reason (docs/gate.md 6). */
#include "cli/cloud.h"

#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Format and write through a temporary file. */
static int
write_text(struct dr_cloud *cloud, const char *name, unsigned mode, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static int
write_text(struct dr_cloud *cloud, const char *name, unsigned mode, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int len = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (len < 0) {
        return dr_cli_error(cloud->cli, "no memory");
    }
    int result = dr_cli_write_file(
        cloud->cli, dr_cloud_path(cloud, name), (const uint8_t *)text, (size_t)len, mode);
    explicit_bzero(text, (size_t)len);
    free(text);
    return result;
}

/* The plugin: beside this executable, or where `make install` puts it. */
static bool find_gate(struct dr_cloud *cloud, char out[PATH_MAX])
{
    char candidate[PATH_MAX];
    const char *beside = dr_cli_sister(cloud->cli, "daruma-gate.so");
    if (beside[0] != '\0' && realpath(beside, out) != NULL) {
        return true;
    }
    (void)snprintf(
        candidate, sizeof candidate, "%s/../lib/daruma/daruma-gate.so", cloud->cli->program_dir);
    return realpath(candidate, out) != NULL;
}

static const char mosquitto_conf[] =
    "# Written by `daruma cloud up` at every start: changes here are lost.\n"
    "\n"
    "# One set of options for all listeners; otherwise the plugin's clock (TICK) never fires.\n"
    "per_listener_settings false\n"
    "\n"
    "# One bound for devices and service alike. The default of 1000 loses answers and QoS 0 "
    "stream\n"
    "# blocks; 0 would mean no bound at all.\n"
    "max_queued_messages 10000\n"
    "\n"
    "# QoS 1 messages that a device may have unacknowledged, as on AWS: one that wakes or reads\n"
    "# slowly gets no more at once. One number for all listeners; darumad asks for its own 1000\n"
    "# by MQTT 5's Receive Maximum, which goes before this one.\n"
    "max_inflight_messages 100\n"
    "\n"
    "# The session of a device that stays away for three months (m is 30 days) ends. About 1.3 "
    "KiB\n"
    "# each, with at most 1 MiB of messages; a fleet that sleeps for weeks keeps its own.\n"
    "persistent_client_expiration 3m\n"
    "\n"
    "# The largest stream block (128 KiB) with its envelope.\n"
    "message_size_limit 135168\n"
    "# That is looked at when a packet is complete; this one when it is announced. Without it a\n"
    "# device has the broker set aside and keep up to 256 MiB.\n"
    "max_packet_size 262144\n"
    "\n"
    "# Without it eight blocks in flight wait for each other's delayed acknowledgements.\n"
    "set_tcp_nodelay true\n"
    "\n"
    "# The client id is bound to the certificate; the broker must not invent one.\n"
    "allow_zero_length_clientid false\n"
    "\n"
    "# The plugin decides on every CONNECT. Devices bring no user name, and `false` would refuse\n"
    "# them before the plugin is asked.\n"
    "allow_anonymous true\n"
    "\n"
    "# What must not be lost is in darumad's store, and comes again after a restart.\n"
    "persistence false\n"
    "retain_available true\n"
    "\n"
    "log_dest stderr\n"
    "log_type error\n"
    "log_type warning\n"
    "log_type notice\n"
    "\n"
    "# Stay the user that owns the certificates; without it a broker started by root becomes\n"
    "# another user and cannot read them.\n"
    "user %s\n"
    "\n"
    "plugin %s\n"
    "plugin_opt_snapshot %s/run/gate.snapshot\n"
    "# The one certificate that may use the service's own topics. It stands here and not in the\n"
    "# snapshot, so that nothing in the registry can become the service.\n"
    "plugin_opt_service_certificate %s\n"
    "plugin_opt_region %s\n"
    "plugin_opt_account %s\n"
    "# AWS's limits of one connection, for testing agents against them.\n"
    "plugin_opt_strict %s\n"
    "# Connections at once: about 1 GiB of memory. The service is let in beyond it.\n"
    "plugin_opt_sessions_max 50000\n"
    "# Messages of one device to the service in a second, ten seconds' worth at once; twenty\n"
    "# requests for blocks count as one. What is more is dropped.\n"
    "plugin_opt_requests_per_s 100\n"
    "\n"
    "listener %u 127.0.0.1\n"
    "# As on AWS: QoS 0 and 1. (In 2.0.11 this belongs to a listener.)\n"
    "max_qos 1\n"
    "# Those who have not said yet who they are included. 2.0.11 takes off two for each polite\n"
    "# goodbye, so that there only the plugin's bound above holds.\n"
    "max_connections 51000\n"
    "# TLS refuses every client certificate whose issuer is not here, before the plugin sees it.\n"
    "capath %s/pki/clients\n"
    "certfile %s/pki/broker.pem\n"
    "keyfile %s/pki/broker.key\n"
    "require_certificate true\n"
    "tls_version tlsv1.2\n"
    "# use_identity_as_username stays off: with it the plugin is never asked about a connection.\n"
    "use_identity_as_username false\n";

static const char darumad_conf[] =
    "# Written by `daruma cloud up` at every start: changes here are lost.\n"
    "region %s\n"
    "account %s\n"
    "\n"
    "api_address 127.0.0.1\n"
    "api_port %u\n"
    "api_certificate pki/api.pem\n"
    "api_key pki/api.key\n"
    "# access-key-id, secret, role: one line each\n"
    "credentials credentials\n"
    "\n"
    "store store/daruma.db\n"
    "blobs blobs\n"
    "\n"
    "# Signs device certificates. The CA that devices trust is another one.\n"
    "device_ca pki/device-ca.pem\n"
    "device_ca_key pki/device-ca.key\n"
    "server_ca pki/ca.pem\n"
    "\n"
    "signer_socket run/signer/signer.sock\n"
    "signing_profile default\n"
    "\n"
    "mqtt_host localhost\n"
    "mqtt_port %u\n"
    "mqtt_certificate pki/service.pem\n"
    "mqtt_key pki/service.key\n"
    "gate_snapshot run/gate.snapshot\n"
    "device_endpoint localhost:%u\n"
    "# What devices fetch images from over HTTPS: the S3 side of the API.\n"
    "download_url https://127.0.0.1:%u\n"
    "\n"
    "# AWS's own limits: images of 16 MiB, 128 KiB for a request of blocks, 100 targets.\n"
    "strict %s\n"
    "\n"
    "# Holds the API's port once everything stands.\n"
    "ready_file run/ready\n";

static const char env_sh[] =
    "# For the AWS command line and SDKs: `. %s/env.sh`. Holds a secret.\n"
    "# Older clients ignore AWS_ENDPOINT_URL: give them --endpoint-url \"$AWS_ENDPOINT_URL\".\n"
    "export AWS_ENDPOINT_URL='https://127.0.0.1:%u'\n"
    "export AWS_ACCESS_KEY_ID='%s'\n"
    "export AWS_SECRET_ACCESS_KEY='%s'\n"
    "export AWS_DEFAULT_REGION='%s'\n"
    "export AWS_CA_BUNDLE='%s/pki/ca.pem'\n";

int dr_cloud_write_configs(struct dr_cloud *cloud)
{
    char gate[PATH_MAX];
    const struct passwd *user = getpwuid(geteuid());
    if (!find_gate(cloud, gate)) {
        return dr_cli_error(
            cloud->cli,
            "daruma-gate.so is neither beside %s nor in ../lib/daruma; build or install "
            "it first",
            cloud->cli->program);
    }
    int result = write_text(
        cloud, "mosquitto.conf", 0600, mosquitto_conf, user == NULL ? "root" : user->pw_name, gate,
        cloud->dir, cloud->service_certificate_id, DR_CLOUD_REGION, DR_CLOUD_ACCOUNT,
        cloud->strict ? "on" : "off", (unsigned)cloud->mqtt_port, cloud->dir, cloud->dir,
        cloud->dir);
    if (result == 0) {
        result = write_text(
            cloud, "darumad.conf", 0600, darumad_conf, DR_CLOUD_REGION, DR_CLOUD_ACCOUNT,
            (unsigned)cloud->api_port, (unsigned)cloud->mqtt_port, (unsigned)cloud->mqtt_port,
            (unsigned)cloud->api_port, cloud->strict ? "on" : "off");
    }
    /* Keys that never reached cloud.json are known to nobody. */
    bool fresh = cloud->is_new || access(dr_cloud_path(cloud, "credentials"), F_OK) != 0;
    if (result == 0 && fresh) {
        result = write_text(
            cloud, "credentials", 0600,
            "# access-key-id secret viewer|operator|admin; read when darumad starts\n%s %s admin\n",
            cloud->access_key_id, cloud->secret);
    }
    return result;
}

int dr_cloud_write_settings(struct dr_cloud *cloud)
{
    int result = write_text(
        cloud, "env.sh", 0600, env_sh, cloud->dir, (unsigned)cloud->api_port, cloud->access_key_id,
        cloud->secret, DR_CLOUD_REGION, cloud->dir);
    if (result != 0) {
        return result;
    }
    return write_text(
        cloud, "cloud.json", 0600,
        "{\n"
        "  \"region\": \"%s\",\n"
        "  \"account\": \"%s\",\n"
        "  \"api\": \"https://127.0.0.1:%u\",\n"
        "  \"mqtt_host\": \"localhost\",\n"
        "  \"mqtt_port\": %u,\n"
        "  \"ca\": \"%s/pki/ca.pem\",\n"
        "  \"access_key_id\": \"%s\",\n"
        "  \"secret_access_key\": \"%s\"\n"
        "}\n",
        DR_CLOUD_REGION, DR_CLOUD_ACCOUNT, (unsigned)cloud->api_port, (unsigned)cloud->mqtt_port,
        cloud->dir, cloud->access_key_id, cloud->secret);
}
