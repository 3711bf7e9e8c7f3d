/* Checks the library against the test vectors of RFC 9106, section 5. */
#include <argon2.h>
#include <stdio.h>
#include <string.h>

enum { TAG_LENGTH = 32 };

static const struct {
    const char *name;
    argon2_type type;
    uint8_t tag[TAG_LENGTH];
} vectors[] = {
    {"Argon2d", Argon2_d,
     {0x51, 0x2b, 0x39, 0x1b, 0x6f, 0x11, 0x62, 0x97, 0x53, 0x71, 0xd3, 0x09, 0x19, 0x73, 0x42, 0x94,
      0xf8, 0x68, 0xe3, 0xbe, 0x39, 0x84, 0xf3, 0xc1, 0xa1, 0x3a, 0x4d, 0xb9, 0xfa, 0xbe, 0x4a, 0xcb}},
    {"Argon2i", Argon2_i,
     {0xc8, 0x14, 0xd9, 0xd1, 0xdc, 0x7f, 0x37, 0xaa, 0x13, 0xf0, 0xd7, 0x7f, 0x24, 0x94, 0xbd, 0xa1,
      0xc8, 0xde, 0x6b, 0x01, 0x6d, 0xd3, 0x88, 0xd2, 0x99, 0x52, 0xa4, 0xc4, 0x67, 0x2b, 0x6c, 0xe8}},
    {"Argon2id", Argon2_id,
     {0x0d, 0x64, 0x0d, 0xf5, 0x8d, 0x78, 0x76, 0x6c, 0x08, 0xc0, 0x37, 0xa3, 0x4a, 0x8b, 0x53, 0xc9,
      0xd0, 0x1e, 0xf0, 0x45, 0x2d, 0x75, 0xb6, 0x5e, 0xb5, 0x25, 0x20, 0xe9, 0x6b, 0x01, 0xe6, 0x59}},
};

int main(void) {
    uint8_t password[32], salt[16], secret[8], data[12], tag[TAG_LENGTH];
    int failures = 0;
    size_t i;

    for (i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        int error, right;
        argon2_context context = {
            .out = tag, .outlen = sizeof tag,
            .pwd = password, .pwdlen = sizeof password,
            .salt = salt, .saltlen = sizeof salt,
            .secret = secret, .secretlen = sizeof secret,
            .ad = data, .adlen = sizeof data,
            .t_cost = 3, .m_cost = 32, .lanes = 4, .threads = 4,
            .version = ARGON2_VERSION_13,
        };
        memset(password, 1, sizeof password);
        memset(salt, 2, sizeof salt);
        memset(secret, 3, sizeof secret);
        memset(data, 4, sizeof data);
        error = argon2_ctx(&context, vectors[i].type);
        right = error == ARGON2_OK && memcmp(tag, vectors[i].tag, sizeof tag) == 0;
        printf("%s: %s\n", vectors[i].name, right ? "as in RFC 9106" : error ? argon2_error_message(error) : "WRONG");
        failures += !right;
    }
    return failures != 0;
}
