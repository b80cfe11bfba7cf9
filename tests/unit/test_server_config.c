/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* darumad's configuration and credentials: what is good, and what each mistake is called. */
#include "tests/unit/check.h"

#include "cloud/server/config.h"

#include <sys/stat.h>
#include <unistd.h>

static char dir[64];
static char path[128];

#define GOOD                                                                                       \
    "region local\naccount 000000000000\napi_port 0\napi_plain on\ncredentials keys\n"             \
    "store s/daruma.db\nblobs /var/blobs\ndevice_ca ca.pem\ndevice_ca_key ca.key\n"

static void write_file(const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    REQUIRE(file != NULL);
    (void)fputs(text, file);
    (void)fclose(file);
    REQUIRE(chmod(path, mode) == 0);
}

static void set_up(void)
{
    (void)snprintf(dir, sizeof dir, "/tmp/daruma-config-XXXXXX");
    REQUIRE(mkdtemp(dir) != NULL);
    (void)snprintf(path, sizeof path, "%s/file", dir);
}

static void a_good_file_is_read(void)
{
    static struct dr_server_config config;
    char error[DR_CONFIG_ERROR_BYTES] = "";
    char expected[128];
    write_file("# comment\n\n  " GOOD "\tapi_threads   2  \nobject_bytes_max 1000\n", 0644);
    EXPECT_EQ(dr_server_config_load(path, &config, error), DR_OK);
    EXPECT_STR(error, "");
    EXPECT_STR(config.region, "local");
    EXPECT_EQ(config.api_threads, 2);
    EXPECT_EQ(config.object_bytes_max, 1000);
    EXPECT(config.api_plain);
    (void)snprintf(expected, sizeof expected, "%s/s/daruma.db", dir);
    EXPECT_STR(config.store, expected);
    EXPECT_STR(config.blobs, "/var/blobs");
    EXPECT_STR(config.signer_socket, "");
}

static void mistakes_are_named_with_their_line(void)
{
    static const struct {
        const char *text;
        const char *needle;
    } rows[] = {
        {GOOD "colour red\n", ":10: unknown key \"colour\""},
        {GOOD "region local\n", ":10: region is given twice"},
        {GOOD "api_threads 0\n", ":10: api_threads must be a number from 1 to 16"},
        {GOOD "api_threads -1\n", "api_threads must be a number"},
        {GOOD "api_threads\n", "api_threads has no value"},
        {GOOD "strict maybe\n", "strict must be on or off"},
        {GOOD "signing_profile "
              "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n",
         "signing_profile is longer than 64 characters"},
        {GOOD "mqtt_host localhost\n", "mqtt_host needs mqtt_port"},
        {"region local\n", "account is missing"},
        {"", "region is missing"},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        static struct dr_server_config config;
        char error[DR_CONFIG_ERROR_BYTES] = "";
        write_file(rows[i].text, 0644);
        EXPECT_EQ(dr_server_config_load(path, &config, error), DR_E_FORMAT);
        if (strstr(error, rows[i].needle) == NULL) {
            fprintf(stderr, "expected \"%s\" in \"%s\"\n", rows[i].needle, error);
        }
        EXPECT(strstr(error, rows[i].needle) != NULL);
        EXPECT(strncmp(error, path, strlen(path)) == 0);
    }
    static struct dr_server_config config;
    char error[DR_CONFIG_ERROR_BYTES] = "";
    EXPECT_EQ(dr_server_config_load("/nowhere/file", &config, error), DR_E_NOT_FOUND);
    EXPECT(strstr(error, "/nowhere/file") != NULL);
}

static void tls_is_the_default(void)
{
    static struct dr_server_config config;
    char error[DR_CONFIG_ERROR_BYTES] = "";
    write_file(
        "region local\naccount 000000000000\napi_port 0\ncredentials k\nstore s\nblobs b\n"
        "device_ca c\ndevice_ca_key k\n",
        0644);
    EXPECT_EQ(dr_server_config_load(path, &config, error), DR_E_FORMAT);
    EXPECT(strstr(error, "api_certificate and api_key are missing") != NULL);
}

static void credentials_are_private(void)
{
    static struct dr_api_credential credentials[DR_API_CREDENTIALS_MAX];
    char error[DR_CONFIG_ERROR_BYTES] = "";
    size_t count = 0;
    write_file("# who\nAK1 0123456789abcdef admin\nAK2 fedcba9876543210 viewer\n", 0600);
    EXPECT_EQ(dr_server_credentials_load(path, credentials, &count, error), DR_OK);
    EXPECT_EQ(count, 2);
    EXPECT_STR(credentials[0].access_key_id, "AK1");
    EXPECT_STR(credentials[1].secret, "fedcba9876543210");
    EXPECT_EQ(credentials[1].role, DR_API_VIEWER);
    REQUIRE(chmod(path, 0640) == 0);
    EXPECT_EQ(dr_server_credentials_load(path, credentials, &count, error), DR_E_DENIED);
    EXPECT(strstr(error, "chmod 600") != NULL);
    static const struct {
        const char *text;
        const char *needle;
    } rows[] = {
        {"AK1 0123456789abcdef\n", "expected:"},
        {"AK1 short admin\n", "shorter than 16"},
        {"AK1 0123456789abcdef root\n", "the role must be"},
        {"AK1 0123456789abcdef admin more\n", "expected:"},
        {"AK1 0123456789abcdef admin\nAK1 0123456789abcdef admin\n", ":2: "},
        {"# nobody\n", "holds no credentials"},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        write_file(rows[i].text, 0600);
        EXPECT_EQ(dr_server_credentials_load(path, credentials, &count, error), DR_E_FORMAT);
        EXPECT(strstr(error, rows[i].needle) != NULL);
        /* A message about a secret must not carry it. */
        EXPECT(strstr(error, "0123456789abcdef") == NULL);
    }
}

static void clean_up(void)
{
    (void)unlink(path);
    EXPECT(rmdir(dir) == 0);
}

DR_TEST_MAIN(
    set_up, a_good_file_is_read, mistakes_are_named_with_their_line, tls_is_the_default,
    credentials_are_private, clean_up)
