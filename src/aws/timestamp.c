/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "aws/sigv4.h"

#define SECONDS_PER_DAY 86400

/* Days since 1970-01-01 of a Gregorian date; months count from March, so that the leap day is the
 * last day of a year. */
static int64_t days_from_date(int64_t year, int64_t month, int64_t day)
{
    int64_t shifted_year = month <= 2 ? year - 1 : year;
    int64_t era = shifted_year / 400;
    int64_t year_of_era = shifted_year - era * 400;
    int64_t month_from_march = month > 2 ? month - 3 : month + 9;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void date_from_days(int64_t days, unsigned *ret_year, unsigned *ret_month, unsigned *ret_day)
{
    int64_t from_era_start = days + 719468;
    int64_t era = from_era_start / 146097;
    int64_t day_of_era = from_era_start - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    *ret_day = (unsigned)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    *ret_month = (unsigned)month;
    *ret_year = (unsigned)(year_of_era + era * 400 + (month <= 2 ? 1 : 0));
}

static void put_digits(char *out, unsigned value, unsigned digits)
{
    for (unsigned i = digits; i > 0; i--) {
        out[i - 1] = (char)('0' + value % 10u);
        value /= 10u;
    }
}

enum dr_status dr_sigv4_timestamp(int64_t now_s, char out[DR_SIGV4_TIMESTAMP_BYTES])
{
    const int64_t end_s = days_from_date(10000, 1, 1) * SECONDS_PER_DAY;
    if (now_s < 0 || now_s >= end_s) {
        return DR_E_RANGE;
    }
    unsigned year = 0;
    unsigned month = 0;
    unsigned day = 0;
    unsigned second = (unsigned)(now_s % SECONDS_PER_DAY);
    date_from_days(now_s / SECONDS_PER_DAY, &year, &month, &day);
    put_digits(out, year, 4);
    put_digits(out + 4, month, 2);
    put_digits(out + 6, day, 2);
    out[8] = 'T';
    put_digits(out + 9, second / 3600u, 2);
    put_digits(out + 11, second / 60u % 60u, 2);
    put_digits(out + 13, second % 60u, 2);
    out[15] = 'Z';
    out[16] = '\0';
    return DR_OK;
}

static bool digits_at(const char *text, size_t offset, size_t count, unsigned *ret_value)
{
    unsigned value = 0;
    for (size_t i = offset; i < offset + count; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        value = value * 10u + (unsigned)(text[i] - '0');
    }
    *ret_value = value;
    return true;
}

enum dr_status dr_sigv4_parse_timestamp(const char *text, size_t text_len, int64_t *ret_time_s)
{
    static const uint8_t month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned year = 0;
    unsigned month = 0;
    unsigned day = 0;
    unsigned hour = 0;
    unsigned minute = 0;
    unsigned second = 0;
    if (text_len != DR_SIGV4_TIMESTAMP_BYTES - 1 || text[8] != 'T' || text[15] != 'Z' ||
        !digits_at(text, 0, 4, &year) || !digits_at(text, 4, 2, &month) ||
        !digits_at(text, 6, 2, &day) || !digits_at(text, 9, 2, &hour) ||
        !digits_at(text, 11, 2, &minute) || !digits_at(text, 13, 2, &second)) {
        return DR_E_FORMAT;
    }
    if (year < 1970 || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 ||
        second > 59) {
        return DR_E_FORMAT;
    }
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day > month_days[month - 1] + (month == 2 && leap ? 1u : 0u)) {
        return DR_E_FORMAT;
    }
    *ret_time_s = days_from_date(year, month, day) * SECONDS_PER_DAY + (int64_t)hour * 3600 +
                  (int64_t)minute * 60 + (int64_t)second;
    return DR_OK;
}
