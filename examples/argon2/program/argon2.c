/*
 * argon2: hashes a password, or checks one against a hash. The password is what stdin holds, to the last byte.
 *
 *   argon2 hash SALT [PASSES [MEMORY_KIB [LANES]]]
 *   argon2 verify ENCODED
 */
#include <argon2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PASSWORD = 4096, HASH_LENGTH = 32, MAX_ENCODED = 512 };

static int usage(void) {
    fputs("usage: argon2 hash SALT [PASSES [MEMORY_KIB [LANES]]]\n"
          "       argon2 verify ENCODED\n", stderr);
    return 2;
}

static int complain(int error) {
    fprintf(stderr, "argon2: %s\n", argon2_error_message(error));
    return error == ARGON2_VERIFY_MISMATCH ? 1 : 2;
}

static uint32_t number(int argc, char **argv, int at, uint32_t otherwise) {
    return argc > at ? (uint32_t)strtoul(argv[at], NULL, 10) : otherwise;
}

int main(int argc, char **argv) {
    char password[MAX_PASSWORD + 1];
    char encoded[MAX_ENCODED];
    size_t length;
    int error;

    if (argc < 3) return usage();
    length = fread(password, 1, sizeof password, stdin);
    if (length > MAX_PASSWORD) {
        fprintf(stderr, "argon2: a password has at most %d bytes\n", MAX_PASSWORD);
        return 2;
    }
    if (strcmp(argv[1], "verify") == 0) {
        error = argon2id_verify(argv[2], password, length);
        if (error != ARGON2_OK) return complain(error);
        puts("the password matches");
        return 0;
    }
    if (strcmp(argv[1], "hash") != 0) return usage();
    error = argon2id_hash_encoded(number(argc, argv, 3, 3), number(argc, argv, 4, 4096), number(argc, argv, 5, 1),
                                  password, length, argv[2], strlen(argv[2]), HASH_LENGTH, encoded, sizeof encoded);
    if (error != ARGON2_OK) return complain(error);
    puts(encoded);
    return 0;
}
