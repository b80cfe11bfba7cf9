/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* darumad: the cloud side of Daruma, one process. */
#include "base/check.h"
#include "cloud/server/config.h"
#include "cloud/server/log.h"
#include "cloud/server/server.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define DARUMAD_VERSION "0.1.0"

static const char usage[] =
    "usage: darumad --config FILE [--check | --write-snapshot]\n"
    "\n"
    "The update service: registry, jobs, streams, the AWS-shaped API and the bus to\n"
    "the broker.\n"
    "\n"
    "  --config FILE      lines of `key value`, as `daruma cloud up` writes them\n"
    "  --check            read the configuration and the credentials, start nothing\n"
    "  --write-snapshot   make the store if there is none, write the broker plugin's\n"
    "                     first snapshot, start nothing\n"
    "\n"
    "Ready is told on standard error (msg=ready) and by GET /daruma/ready. SIGTERM\n"
    "and SIGINT end it in order.\n"
    "Exit codes: 0 ended as told, 1 could not start, 64 wrong usage.\n";

_Noreturn void dr_check_failed(const char *file, int line)
{
    dr_server_log("level=fatal msg=\"internal fault\" at=%s:%d", file, line);
    abort();
}

/* One line, whatever the parts put into it. */
static int fail(char *error)
{
    for (char *c = strchr(error, '\n'); c != NULL; c = strchr(c, '\n')) {
        *c = ' ';
    }
    (void)fprintf(stderr, "darumad: %s\n", error);
    return 1;
}

/* Keys are in memory: no core file, and nothing we make is for others. Signals are taken in turn.
 */
static void harden_process(void)
{
    const struct rlimit none = {0, 0};
    sigset_t signals;
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)umask(077);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    /* Before any thread exists, so that none of them is interrupted. */
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    /* Few arenas: the daemon is small, and each one keeps what it once held. */
    (void)mallopt(M_ARENA_MAX, 2);
    /* What a burst of stream blocks took is kept for the next one. */
    (void)mallopt(M_TRIM_THRESHOLD, 2 * 1024 * 1024);
    (void)mallopt(M_MMAP_THRESHOLD, 512 * 1024);
}

enum mode {
    MODE_SERVE,
    MODE_CHECK,
    MODE_SNAPSHOT,
};

static int check_only(const struct dr_server_config *config)
{
    struct dr_api_credential credentials[DR_API_CREDENTIALS_MAX];
    char error[DR_CONFIG_ERROR_BYTES];
    size_t count = 0;
    if (dr_server_credentials_load(config->credentials, credentials, &count, error) != DR_OK) {
        return fail(error);
    }
    (void)printf("darumad: the configuration is good, %zu credentials\n", count);
    return 0;
}

static int run(const struct dr_server_config *config, enum mode mode)
{
    char error[DR_CONFIG_ERROR_BYTES] = "";
    struct dr_server *server = NULL;
    if (dr_server_open(config, mode == MODE_SERVE, &server, error) != DR_OK) {
        return fail(error);
    }
    int result = 0;
    if (mode == MODE_SNAPSHOT) {
        if (dr_server_write_snapshot(server, error) != DR_OK) {
            result = fail(error);
        }
    } else {
        dr_server_run(server);
    }
    dr_server_close(server);
    if (mode == MODE_SERVE) {
        dr_server_log("level=info msg=stopped");
    }
    return result;
}

int main(int argc, char **argv)
{
    static struct dr_server_config config;
    char error[DR_CONFIG_ERROR_BYTES] = "";
    const char *path = NULL;
    enum mode mode = MODE_SERVE;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--config") == 0 && i + 1 < argc) {
            path = argv[++i];
        } else if (strcmp(argv[i], "--check") == 0) {
            mode = MODE_CHECK;
        } else if (strcmp(argv[i], "--write-snapshot") == 0) {
            mode = MODE_SNAPSHOT;
        } else if (strcmp(argv[i], "--help") == 0) {
            (void)fputs(usage, stdout);
            return 0;
        } else if (strcmp(argv[i], "--version") == 0) {
            (void)puts("darumad " DARUMAD_VERSION);
            return 0;
        } else {
            path = NULL;
            break;
        }
    }
    if (path == NULL) {
        (void)fputs(usage, stderr);
        return 64;
    }
    harden_process();
    if (dr_server_config_load(path, &config, error) != DR_OK) {
        return fail(error);
    }
    return mode == MODE_CHECK ? check_only(&config) : run(&config, mode);
}
