/*
 * A host that knows the library only through its modules: when the last module is unloaded the library stays, because its
 * threads run in it.
 *
 * host MODULE LIBRARY
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char **argv) {
    if (argc != 3 || dlopen(argv[2], RTLD_NOW | RTLD_NOLOAD) != NULL) {
        return 2;
    }
    for (int turn = 0; turn < 3; turn++) {
        void *module = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
        if (module == NULL) {
            fprintf(stderr, "%s\n", dlerror());
            return 3;
        }
        int (*run)(void) = __extension__(int (*)(void)) dlsym(module, "run");
        if (run == NULL || !run() || dlclose(module) != 0) {
            return 4;
        }
        if (dlopen(argv[1], RTLD_NOW | RTLD_NOLOAD) != NULL) {
            return 5;
        }
        if (dlopen(argv[2], RTLD_NOW | RTLD_NOLOAD) == NULL) {
            return 6;
        }
    }
    return 0;
}
