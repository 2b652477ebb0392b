/* Writes a file of cells as a workbook with libxlsxwriter in its constant-memory mode, and prints time and memory.
 *
 *     libxlsxwriter CELLS OUT.xlsx
 *
 * CELLS has one row per line and a tab between cells. The first character of a cell is its kind: h header, s text, n number,
 * m amount, t time (days since 1899-12-30); a cell without a kind is empty. The file is read and its numbers are parsed
 * before the clock starts. Prints one JSON object: us, before_kib, peak_kib. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xlsxwriter.h>

typedef union {
    const char *text;
    double number;
} value;

static void fail(const char *what) {
    fprintf(stderr, "libxlsxwriter: %s\n", what);
    exit(1);
}

static void *taken(void *memory) {
    if (memory == NULL)
        fail("out of memory");
    return memory;
}

/* A value of /proc/self/status in KiB. */
static unsigned long long memory_kib(const char *key) {
    char line[256];
    unsigned long long kib = 0;
    FILE *status = fopen("/proc/self/status", "r");
    if (status == NULL)
        fail("/proc/self/status cannot be read");
    while (fgets(line, sizeof line, status) != NULL)
        if (strncmp(line, key, strlen(key)) == 0)
            kib = strtoull(line + strlen(key), NULL, 10);
    fclose(status);
    return kib;
}

static char *read_whole(const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    long size;
    char *text;
    if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0 || fseek(file, 0, SEEK_SET) != 0)
        fail("the cells cannot be read");
    text = taken(malloc((size_t)size + 1));
    if (fread(text, 1, (size_t)size, file) != (size_t)size)
        fail("the cells cannot be read");
    fclose(file);
    text[size] = '\0';
    *length = (size_t)size;
    return text;
}

int main(int argc, char **argv) {
    size_t length, count = 0, rows = 0, at = 0, row, column, columns;
    struct timespec began, ended;
    unsigned long long before_kib;
    char *text, *cell, *kinds;
    value *values;
    if (argc != 3)
        fail("two arguments are needed: CELLS OUT.xlsx");
    text = read_whole(argv[1], &length);
    for (cell = text; *cell != '\0'; cell++) {
        count += *cell == '\t' || *cell == '\n';
        rows += *cell == '\n';
    }
    if (rows == 0 || count % rows != 0)
        fail("the rows are not of one length");
    columns = count / rows;
    kinds = taken(malloc(count));
    values = taken(malloc(count * sizeof *values));
    for (cell = text; at < count; at++) {
        char *end = cell + strcspn(cell, "\t\n");
        *end = '\0';
        kinds[at] = *cell;
        if (*cell == 's' || *cell == 'h')
            values[at].text = cell + 1;
        else if (*cell != '\0')
            values[at].number = strtod(cell + 1, NULL);
        cell = end + 1;
    }

    before_kib = memory_kib("VmRSS:");
    clock_gettime(CLOCK_MONOTONIC, &began);
    lxw_workbook_options options = {.constant_memory = LXW_TRUE};
    lxw_workbook *workbook = workbook_new_opt(argv[2], &options);
    lxw_worksheet *sheet = workbook_add_worksheet(workbook, "Paid orders");
    lxw_format *amount = workbook_add_format(workbook);
    lxw_format *moment = workbook_add_format(workbook);
    format_set_num_format(amount, "#,##0.00##########");
    format_set_num_format(moment, "yyyy-mm-dd hh:mm:ss");
    for (row = 0, at = 0; row < rows; row++)
        for (column = 0; column < columns; column++, at++) {
            lxw_error error = LXW_NO_ERROR;
            lxw_row_t r = (lxw_row_t)row;
            lxw_col_t c = (lxw_col_t)column;
            switch (kinds[at]) {
            case 's':
            case 'h':
                error = worksheet_write_string(sheet, r, c, values[at].text, NULL);
                break;
            case 'n':
                error = worksheet_write_number(sheet, r, c, values[at].number, NULL);
                break;
            case 'm':
                error = worksheet_write_number(sheet, r, c, values[at].number, amount);
                break;
            case 't':
                error = worksheet_write_number(sheet, r, c, values[at].number, moment);
                break;
            case '\0':
                break;
            default:
                fail("a cell has no known kind");
            }
            if (error != LXW_NO_ERROR)
                fail(lxw_strerror(error));
        }
    lxw_error closed = workbook_close(workbook);
    if (closed != LXW_NO_ERROR)
        fail(lxw_strerror(closed));
    clock_gettime(CLOCK_MONOTONIC, &ended);
    long long us = (ended.tv_sec - began.tv_sec) * 1000000LL + (ended.tv_nsec - began.tv_nsec) / 1000;
    printf("{\"us\": %lld, \"before_kib\": %llu, \"peak_kib\": %llu}\n", us, before_kib, memory_kib("VmHWM:"));
    return 0;
}
