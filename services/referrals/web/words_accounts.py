"""The words of what happens to an officer's account, Chinese and English."""

ACCOUNT_ACTS: dict[str, tuple[str, str]] = {
    "LOGGED_IN": ("登录", "logged in"),
    "LOGGED_OUT": ("退出登录", "logged out"),
    "LOGIN_REFUSED": ("登录被拒绝", "a log-in was refused"),
    "PASSWORD_RESET": ("密码被重置，原会话全部结束", "the password was reset, all sessions ended"),
    "PASSWORD_SET": ("设置了本人密码", "set an own password"),
    "VOUCHED": ("安全管理员确认账号由本人使用", "the security administrator said that the account is its officer's"),
    "VOUCHING_REFUSED": ("安全管理员输入的确认码不正确", "a wrong code was given to the security administrator"),
    "SECOND_FACTOR_SET": ("启用第二重验证", "the second factor was put to use"),
    "SECOND_FACTOR_RESET": ("第二重验证被取消", "the second factor was taken away"),
    "OPENID_CLAIMED": ("有人以此用户名通过统一身份认证登录，待确认", "somebody of the provider's came by this name"),
    "OPENID_LINKED": ("关联统一身份认证", "linked to the identity provider"),
    "OPENID_UNLINKED": ("解除统一身份认证关联", "unlinked from the identity provider"),
    "UNLOCKED": ("解除登录暂停", "the pause of log-ins was ended"),
}
AUDIT_ACTS: dict[str, tuple[str, str]] = {
    **ACCOUNT_ACTS,
    "ACCOUNT_ADDED": ("添加账号", "an account was added"),
    "ACCOUNT_CLOSED": ("停用账号", "an account was closed"),
    "ACCOUNT_MOVED": ("账号随单位变更", "an account followed its unit"),
    "ROLES_GRANTED": ("更改岗位", "roles were granted or taken away"),
    "UNIT_ADDED": ("添加单位", "a unit was added"),
    "UNIT_CHANGED": ("更改单位", "a unit was changed"),
    "UNIT_SUCCESSOR_ASKED": ("申请承继单位，待安全管理员确认", "a successor of a unit was asked for"),
    "UNIT_SUCCEEDED": ("指定承继单位", "a unit was succeeded"),
    "REFERENCE_TAKEN": ("启用本机关的基础数据", "tables of the agency were taken"),
    "AUDIT_READ": ("查阅审计", "the audit was read"),
}
AUDIT_DETAILS: dict[str, tuple[str, str]] = {
    "before": ("原", "before"),
    "after": ("现", "after"),
    "AUDIT_READ.before": ("序号小于", "number below"),
    "AUDIT_READ.after": ("序号大于", "number above"),
    "roles": ("岗位", "roles"),
    "unit": ("单位", "unit"),
    "to": ("转至", "to"),
    "heir": ("接手人", "who takes over"),
    "until": ("至", "until"),
    "since": ("自", "since"),
    "limit": ("每页条数", "rows a page"),
    "subject": ("对象", "subject"),
    "action": ("操作", "act"),
    "counters": ("计数", "counters"),
    "times": ("次数", "times"),
    "paused": ("暂停中", "in a pause"),
    "device": ("常用设备", "known device"),
    "factor": ("第二重验证", "second factor"),
    "level": ("层级", "level"),
    "kind": ("类别", "kind"),
    "region": ("区划", "region"),
    "department": ("部门", "department"),
    "parent": ("上级", "parent"),
    "on_system": ("使用本系统", "on the system"),
    "successor": ("承继单位", "successor"),
    "tables": ("数据指纹", "fingerprint of the tables"),
}
ACCOUNT_STATES: dict[str, tuple[str, str]] = {
    "ACTIVE": ("在用", "active"),
    "GIVEN": ("待本人设置密码", "waits for an own password"),
    "UNVOUCHED": ("待安全管理员确认", "waits for the security administrator's word"),
    "NO_ROLE": ("未授予岗位", "without a role"),
    "LEFT": ("已停用", "closed"),
}
DONE: dict[str, tuple[str, str]] = {
    "new": (
        "账号已添加。请将用户名和初始密码当面告知本人。",
        "The account is there. Tell its officer name and password.",
    ),
    "roles": ("岗位已更改，本人须重新登录。", "The roles are changed; the officer logs in anew."),
    "vouching": (
        "已确认账号由本人使用，本人须重新登录。",
        "You said whose account it is; the officer logs in anew.",
    ),
    "second-factor": (
        "第二重验证已取消，本人须重新登录。",
        "The second factor is taken away; the officer logs in anew.",
    ),
    "password": (
        "密码已重置，原会话已结束。请将新密码当面告知本人。",
        "The password is set anew and the sessions ended. Tell its officer the password.",
    ),
    "pause": ("登录暂停已解除。", "The pause is ended."),
    "departure": ("账号已停用，未办任务已移交。", "The account is closed and its tasks are handed on."),
}
"""What the page says after an act of `AccountAct`."""
