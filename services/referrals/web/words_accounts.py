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
    "OPENID_LINKED": ("关联统一身份认证", "linked to the identity provider"),
    "OPENID_UNLINKED": ("解除统一身份认证关联", "unlinked from the identity provider"),
    "UNLOCKED": ("解除登录暂停", "the pause of log-ins was ended"),
}
