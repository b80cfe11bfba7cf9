/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "base/status.h"
#include "cli/cloud.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- the signer's user --- */

/* Can that user reach the directory and the program at all? Asked in a child that has become it. */
static bool user_reaches(const struct dr_cloud *cloud, const struct passwd *user)
{
    const char *program = dr_cli_sister(cloud->cli, "daruma-signer");
    int status = 1;
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        bool reaches = setgroups(0, NULL) == 0 && setgid(user->pw_gid) == 0 &&
                       setuid(user->pw_uid) == 0 && access(cloud->dir, X_OK) == 0 &&
                       access(program, X_OK) == 0;
        _exit(reaches ? 0 : 1);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

/* Whoever breaks into darumad should not find the signing keys beside it: another user holds them,
 * where we may switch. */
static int choose_signer_user(struct dr_cloud *cloud, const char *name)
{
    struct dr_cli *cli = cloud->cli;
    bool asked = name != NULL;
    if (geteuid() != 0) {
        if (asked) {
            return dr_cli_error(cli, "--signer-user needs root: only root may switch users");
        }
        (void)fprintf(
            stderr, "warning: the signer runs as the same user as darumad, so whoever takes over "
                    "one has both; run as root for a user of its own\n");
        return 0;
    }
    const struct passwd *user = getpwnam(asked ? name : "daruma-signer");
    if (user == NULL && !asked) {
        name = "nobody";
        user = getpwnam(name);
    }
    if (user == NULL || user->pw_uid == 0) {
        return dr_cli_error(
            cli, "there is no user %s for the signer, or it is root; choose one with --signer-user",
            name);
    }
    if (!user_reaches(cloud, user)) {
        if (asked) {
            return dr_cli_error(
                cli,
                "the user %s cannot reach %s or daruma-signer in %s: a directory above is "
                "closed to others",
                name, cloud->dir, cli->program_dir);
        }
        (void)fprintf(
            stderr,
            "warning: the signer runs as the same user as darumad: others cannot reach %s or "
            "the programs in %s\n",
            cloud->dir, cli->program_dir);
        return 0;
    }
    cloud->signer_user_set = true;
    cloud->signer_uid = user->pw_uid;
    cloud->signer_gid = user->pw_gid;
    return 0;
}

/* --- telling --- */

static json_t *describe(const struct dr_cloud *cloud, const struct dr_cloud_processes *processes)
{
    char api[64];
    (void)snprintf(api, sizeof api, "https://127.0.0.1:%u", (unsigned)cloud->api_port);
    return json_pack(
        "{s:s, s:s, s:s, s:i, s:b, s:{s:i, s:i, s:i, s:i}}", "directory", cloud->dir, "api", api,
        "mqtt_host", "localhost", "mqtt_port", (int)cloud->mqtt_port, "created",
        cloud->is_new ? 1 : 0, "processes", "supervisor", (int)getpid(), "signer",
        (int)processes->pids[DR_CLOUD_SIGNER], "broker", (int)processes->pids[DR_CLOUD_BROKER],
        "darumad", (int)processes->pids[DR_CLOUD_DAEMON]);
}

/* Do the other verbs find this directory without being told? */
static bool is_found(const struct dr_cloud *cloud)
{
    const char *named = getenv("DARUMA_CLOUD");
    char *absolute = realpath(named != NULL ? named : "daruma-cloud", NULL);
    bool same = absolute != NULL && strcmp(absolute, cloud->dir) == 0;
    free(absolute);
    return same;
}

static void tell(const struct dr_cloud *cloud, bool background)
{
    /* Quotes in the path were refused. */
    const char *quote = strpbrk(cloud->dir, " *?[](){}<>|&;#!~") != NULL ? "'" : "";
    printf(
        "%s cloud in %s is up\n"
        "\n"
        "  API      https://127.0.0.1:%u   AWS IoT's requests, signed (SigV4)\n"
        "  devices  localhost:%u           MQTT over TLS, one certificate each\n"
        "  logs     %s/run/*.log\n"
        "\n"
        "next:\n",
        cloud->is_new ? "a new" : "the", cloud->dir, (unsigned)cloud->api_port,
        (unsigned)cloud->mqtt_port, cloud->dir);
    if (!is_found(cloud)) {
        printf("  export DARUMA_CLOUD=%s%s%s\n", quote, cloud->dir, quote);
    }
    printf(
        "  daruma key new product.pem                        a key that signs your firmware\n"
        "  daruma device create lamp --help                  a virtual device\n"
        "  daruma update create --help                       send it an update\n"
        "or with the AWS command line:\n"
        "  . %s%s/env.sh%s\n"
        "  aws --endpoint-url \"$AWS_ENDPOINT_URL\" iot list-things\n"
        "\n"
        "%s\n",
        quote, cloud->dir, quote,
        background ? "it runs in the background; `daruma cloud down` ends it" : "Ctrl-C ends it");
    (void)fflush(stdout);
}

static int
announce(struct dr_cloud *cloud, const struct dr_cloud_processes *processes, bool background)
{
    if (cloud->cli->json) {
        int result = dr_cli_print_json(cloud->cli, describe(cloud, processes));
        (void)fflush(stdout);
        return result;
    }
    tell(cloud, background);
    return 0;
}

/* --- running --- */

static void block_signals(void)
{
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGHUP);
    (void)sigaddset(&signals, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
}

/* From here on nothing of the terminal is held. */
static void leave_terminal(const struct dr_cloud *cloud)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int log = open(
        dr_cloud_path(cloud, "run/cloud.log"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (null >= 0) {
        (void)dup2(null, STDIN_FILENO);
    }
    if (log >= 0) {
        (void)dup2(log, STDOUT_FILENO);
        (void)dup2(log, STDERR_FILENO);
    }
}

static int serve(struct dr_cloud *cloud, bool background, int ready_pipe)
{
    struct dr_cloud_processes processes = {.lock_fd = -1};
    block_signals();
    int result = dr_cloud_lock(cloud, &processes);
    if (result == 0) {
        result = dr_cloud_prepare(cloud);
    }
    if (result == 0) {
        result = dr_cloud_start(cloud, &processes);
    }
    if (result != 0) {
        return result;
    }
    result = announce(cloud, &processes, background);
    if (background) {
        leave_terminal(cloud);
        /* The waiting parent sees a byte, or the end without one. */
        DR_IGNORE(write(ready_pipe, "1", 1) != 1);
        (void)close(ready_pipe);
    }
    if (result == 0) {
        result = dr_cloud_supervise(cloud, &processes);
    }
    dr_cloud_stop(&processes);
    (void)unlink(dr_cloud_path(cloud, "run/ready"));
    return result;
}

/* The supervisor in a session of its own; this process ends when it is up or has failed. */
static int serve_in_background(struct dr_cloud *cloud)
{
    int pipes[2];
    (void)fflush(NULL);
    if (pipe2(pipes, O_CLOEXEC) != 0) {
        return dr_cli_error(cloud->cli, "no pipe: %s", strerror(errno));
    }
    pid_t pid = fork();
    if (pid < 0) {
        return dr_cli_error(cloud->cli, "cannot fork: %s", strerror(errno));
    }
    if (pid == 0) {
        (void)close(pipes[0]);
        (void)setsid();
        int result = serve(cloud, true, pipes[1]);
        (void)fflush(NULL);
        _exit(result);
    }
    char byte = 0;
    (void)close(pipes[1]);
    ssize_t got = 0;
    do {
        got = read(pipes[0], &byte, 1);
    } while (got < 0 && errno == EINTR);
    (void)close(pipes[0]);
    if (got == 1) {
        return DR_EXIT_DONE; /* it is up, and has said so itself */
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        continue;
    }
    return WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : DR_EXIT_ERROR;
}

static int run(struct dr_cli *cli)
{
    struct dr_cloud cloud;
    const char *directory = NULL;
    const char *signer_user = NULL;
    uint64_t api_port = 0;
    uint64_t mqtt_port = 0;
    bool background = false;
    bool strict = false;
    size_t count = 0;
    const struct dr_cli_option options[] = {
        {.name = "dir", .text = &directory},           {.name = "background", .flag = &background},
        {.name = "api-port", .number = &api_port},     {.name = "mqtt-port", .number = &mqtt_port},
        {.name = "signer-user", .text = &signer_user}, {.name = "strict", .flag = &strict},
    };
    int result = dr_cli_parse(cli, options, sizeof options / sizeof options[0], NULL, 0, &count);
    if (result != 0) {
        return result;
    }
    if (api_port > 65535 || mqtt_port > 65535 || (api_port != 0 && api_port == mqtt_port)) {
        return dr_cli_usage(cli, "--api-port and --mqtt-port are two different ports, 1 to 65535");
    }
    if (directory != NULL) {
        cli->cloud_dir = directory;
    }
    (void)umask(022);
    result = dr_cloud_locate(cli, true, &cloud);
    if (result == 0) {
        result = choose_signer_user(&cloud, signer_user);
    }
    if (result != 0) {
        return result;
    }
    cloud.strict = strict;
    cloud.api_port = (uint16_t)api_port;
    cloud.mqtt_port = (uint16_t)mqtt_port;
    return background ? serve_in_background(&cloud) : serve(&cloud, false, -1);
}

const struct dr_cli_verb dr_verb_cloud_up = {
    .noun = "cloud",
    .verb = "up",
    .summary = "make and run a private cloud on this machine",
    .usage = "cloud up [--dir DIR] [--background] [options]",
    .help = "Run the whole cloud side: broker (mosquitto with our plugin), update service\n"
            "(darumad) and signer, all on 127.0.0.1. The first run makes DIR with its own\n"
            "certificate authorities, credentials and free ports; later runs keep them.\n"
            "\n"
            "  --dir DIR           where (the same as --cloud DIR)\n"
            "  --background        return when it is up; `daruma cloud down` ends it\n"
            "  --api-port N        port of the API, kept from then on\n"
            "  --mqtt-port N       port for devices, kept from then on\n"
            "  --signer-user NAME  with root: the user that holds the signing keys\n"
            "                      (daruma-signer, else nobody)\n"
            "  --strict            enforce AWS's own limits, to test agents against them\n"
            "                      (docs/gate.md 7, docs/api.md)\n"
            "\n"
            "Files for others: DIR/cloud.json (what the other verbs read), DIR/env.sh (for\n"
            "the AWS command line), DIR/run/*.log.",
    .run = run,
};
