/* The functions of rtmv2.h: handed on as they are, and to nobody while there is no host for them. */
#include "check.h"

/* What the host was asked, and what it answers. */
static DWORD module_asked, answer;
static uintptr_t asked[9];

#define HANDLE_OF(number) ((HANDLE)(uintptr_t)(number))

static DWORD WINAPI add_route(RTM_ENTITY_HANDLE entity, PRTM_ROUTE_HANDLE route, PRTM_NET_ADDRESS address,
                              PRTM_ROUTE_INFO info, ULONG ttl, RTM_ROUTE_LIST_HANDLE list, RTM_NOTIFY_FLAGS type,
                              RTM_NOTIFY_HANDLE notify, PRTM_ROUTE_CHANGE_FLAGS flags) {
    uintptr_t given[9] = {(uintptr_t)entity, (uintptr_t)route, (uintptr_t)address, (uintptr_t)info,  ttl,
                          (uintptr_t)list,   type,             (uintptr_t)notify,  (uintptr_t)flags};
    memcpy(asked, given, sizeof asked);
    return answer;
}

static DWORD WINAPI reference(RTM_ENTITY_HANDLE entity, UINT count, HANDLE *handles) {
    asked[0] = (uintptr_t)entity;
    asked[1] = count;
    asked[2] = (uintptr_t)handles;
    return answer;
}

static DWORD WINAPI register_entity(DWORD module, PRTM_ENTITY_INFO info, PRTM_ENTITY_EXPORT_METHODS methods,
                                    RTM_EVENT_CALLBACK callback, WINBOOL reserve, PRTM_REGN_PROFILE profile,
                                    PRTM_ENTITY_HANDLE entity) {
    CHECK(info != NULL && methods == NULL && callback == NULL && reserve && profile == NULL && entity == NULL);
    module_asked = module;
    return answer;
}

static DWORD WINAPI deregister(RTM_ENTITY_HANDLE entity) {
    asked[0] = (uintptr_t)entity;
    return answer;
}

static void nobody(void) {
    RTM_ENTITY_INFO info = {0};
    CHECK(RtmRegisterEntity(&info, NULL, NULL, TRUE, NULL, NULL) == ERROR_NOT_SUPPORTED);
    CHECK(RtmDeregisterEntity(HANDLE_OF(1)) == ERROR_NOT_SUPPORTED);
    CHECK(RtmReferenceHandles(HANDLE_OF(1), 0, NULL) == ERROR_NOT_SUPPORTED);
}

static DWORD WINAPI of_a_module(LPVOID parameter) {
    RTM_ENTITY_INFO info = {0};
    (void)parameter;
    return RtmRegisterEntity(&info, NULL, NULL, TRUE, NULL, NULL);
}

int main(void) {
    RTM_ENTITY_INFO info = {0};
    nobody();
    static WAYPOST_RTM rtm = {.Size = sizeof rtm,
                              .RegisterEntity = register_entity,
                              .DeregisterEntity = deregister,
                              .AddRouteToDest = add_route,
                              .ReferenceHandles = reference};
    WaypostSetRtm(&rtm);
    answer = ERROR_ACCESS_DENIED;
    CHECK(RtmAddRouteToDest(HANDLE_OF(11), (PRTM_ROUTE_HANDLE)HANDLE_OF(12), (PRTM_NET_ADDRESS)HANDLE_OF(13),
                            (PRTM_ROUTE_INFO)HANDLE_OF(14), 15, HANDLE_OF(16), 17, HANDLE_OF(18),
                            (PRTM_ROUTE_CHANGE_FLAGS)HANDLE_OF(19)) == ERROR_ACCESS_DENIED);
    for (uintptr_t place = 0; place < 9; place++) {
        CHECK(asked[place] == 11 + place);
    }
    answer = NO_ERROR;
    CHECK(RtmReferenceHandles(HANDLE_OF(21), 22, (HANDLE *)HANDLE_OF(23)) == NO_ERROR);
    CHECK(asked[0] == 21 && asked[1] == 22 && asked[2] == 23);

    /* Whoever registers does it for the module that the thread works for. */
    CHECK(RtmRegisterEntity(&info, NULL, NULL, TRUE, NULL, NULL) == NO_ERROR && module_asked == 0);
    DWORD before = WaypostSetModule(7);
    CHECK(RtmRegisterEntity(&info, NULL, NULL, TRUE, NULL, NULL) == NO_ERROR && module_asked == 7);
    module_asked = 0;
    HANDLE thread_of_it = thread(of_a_module, NULL);
    WaypostSetModule(before);
    CHECK_WAIT(thread_of_it);
    CHECK(CloseHandle(thread_of_it) && module_asked == 7);

    /* A host of before knows only the first ones. */
    rtm.Size = offsetof(WAYPOST_RTM, ReferenceHandles);
    CHECK(RtmDeregisterEntity(HANDLE_OF(31)) == NO_ERROR && asked[0] == 31);
    CHECK(RtmReferenceHandles(HANDLE_OF(1), 0, NULL) == ERROR_NOT_SUPPORTED);
    rtm.Size = offsetof(WAYPOST_RTM, RegisterEntity);
    nobody();
    rtm.Size = sizeof rtm;
    WaypostSetRtm(NULL);
    nobody();
    return 0;
}
