"""What the two pages say, in the languages that messages are written in."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation.trans_real import parse_accept_lang_header

RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})


@dataclass(frozen=True, slots=True)
class Words:
    """One language. `categories` and the like are keyed by the names that rules use."""

    title: str
    intro: str
    categories: dict[str, tuple[str, str]]
    channels: dict[str, str]
    frequencies: dict[str, str]
    required: str
    quiet: str
    quiet_hint: str
    start: str
    end: str
    quiet_email: str
    zone: str
    zone_known: str
    save: str
    saved: str
    not_saved: str
    stop_all: str
    out_title: str
    out_ask: str
    out_button: str
    out_done_title: str
    out_done: str
    to_page: str
    unknown_title: str
    unknown: str


ENGLISH = Words(
    title="What you hear from us",
    intro="Choose what reaches you, by which way and how often. Nothing here touches your gifts.",
    categories={
        "subscription": ("News of campaigns", "Updates and milestones of campaigns you give to or follow"),
        "social": ("What people do", "Gifts, questions and answers around your campaigns"),
    },
    channels={"email": "Email", "push": "On your devices", "in_app": "In the app", "sms": "Text message"},
    frequencies={
        "instant": "At once",
        "hourly": "Gathered every hour",
        "daily": "Gathered every day at nine",
        "weekly": "Gathered every Monday at nine",
        "never": "Never",
    },
    required="Receipts, and messages about the safety of your account, always reach you.",
    quiet="Quiet hours",
    quiet_hint="Devices and text messages stay silent then. What is urgent, or about your account's safety, still comes.",
    start="From",
    end="Until",
    quiet_email="Emails wait too",
    zone="Time zone",
    zone_known="As the platform knows it",
    save="Save",
    saved="Saved.",
    not_saved="Nothing was saved: something on the page cannot be chosen.",
    stop_all="Stop all news",
    out_title="No more emails of this kind?",
    out_ask="You will get no more emails about: {category}. Receipts and messages about your account still reach you.",
    out_button="Unsubscribe",
    out_done_title="You are unsubscribed",
    out_done="We send you no more emails about: {category}.",
    to_page="Choose what you hear from us",
    unknown_title="This link does not work",
    unknown="It is not complete, or too old. Open it from the newest email we sent you.",
)
SPANISH = Words(
    title="Lo que recibe de nosotros",
    intro="Elija qué le llega, por qué medio y con qué frecuencia. Nada de esto cambia sus donaciones.",
    categories={
        "subscription": ("Noticias de campañas", "Novedades y metas de las campañas que apoya o sigue"),
        "social": ("Lo que hacen las personas", "Donaciones, preguntas y respuestas en torno a sus campañas"),
    },
    channels={
        "email": "Correo",
        "push": "En sus dispositivos",
        "in_app": "En la aplicación",
        "sms": "Mensaje de texto",
    },
    frequencies={
        "instant": "Al momento",
        "hourly": "Reunido cada hora",
        "daily": "Reunido cada día a las nueve",
        "weekly": "Reunido cada lunes a las nueve",
        "never": "Nunca",
    },
    required="Los recibos y los mensajes sobre la seguridad de su cuenta le llegan siempre.",
    quiet="Horas de silencio",
    quiet_hint="Los dispositivos y los mensajes de texto callan. Lo urgente y la seguridad de su cuenta llegan igual.",
    start="Desde",
    end="Hasta",
    quiet_email="Los correos también esperan",
    zone="Zona horaria",
    zone_known="La que conoce la plataforma",
    save="Guardar",
    saved="Guardado.",
    not_saved="No se guardó nada: algo de la página no se puede elegir.",
    stop_all="Detener todas las noticias",
    out_title="¿No más correos de este tipo?",
    out_ask="Ya no recibirá correos sobre: {category}. Los recibos y los mensajes sobre su cuenta le seguirán llegando.",
    out_button="Cancelar la suscripción",
    out_done_title="Suscripción cancelada",
    out_done="No le enviaremos más correos sobre: {category}.",
    to_page="Elegir lo que recibe de nosotros",
    unknown_title="Este enlace no funciona",
    unknown="Está incompleto o es demasiado antiguo. Ábralo desde nuestro correo más reciente.",
)
FRENCH = Words(
    title="Ce que vous recevez de nous",
    intro="Choisissez ce qui vous parvient, par quel moyen et à quel rythme. Vos dons n'en sont pas changés.",
    categories={
        "subscription": ("Nouvelles des campagnes", "Nouvelles et étapes des campagnes que vous soutenez ou suivez"),
        "social": ("Ce que font les gens", "Dons, questions et réponses autour de vos campagnes"),
    },
    channels={"email": "E-mail", "push": "Sur vos appareils", "in_app": "Dans l'application", "sms": "SMS"},
    frequencies={
        "instant": "Aussitôt",
        "hourly": "Réunis chaque heure",
        "daily": "Réunis chaque jour à neuf heures",
        "weekly": "Réunis chaque lundi à neuf heures",
        "never": "Jamais",
    },
    required="Les reçus et les messages sur la sécurité de votre compte vous parviennent toujours.",
    quiet="Heures de silence",
    quiet_hint="Appareils et SMS se taisent. Ce qui est urgent ou touche à la sécurité du compte arrive quand même.",
    start="De",
    end="À",
    quiet_email="Les e-mails attendent aussi",
    zone="Fuseau horaire",
    zone_known="Celui que la plateforme connaît",
    save="Enregistrer",
    saved="Enregistré.",
    not_saved="Rien n'a été enregistré : un choix de la page n'est pas possible.",
    stop_all="Arrêter toutes les nouvelles",
    out_title="Plus d'e-mails de ce genre ?",
    out_ask="Vous ne recevrez plus d'e-mails sur : {category}. Les reçus et les messages du compte vous parviennent encore.",
    out_button="Se désabonner",
    out_done_title="Vous êtes désabonné",
    out_done="Nous ne vous envoyons plus d'e-mails sur : {category}.",
    to_page="Choisir ce que vous recevez de nous",
    unknown_title="Ce lien ne fonctionne pas",
    unknown="Il est incomplet ou trop ancien. Ouvrez-le depuis notre dernier e-mail.",
)
ARABIC = Words(
    title="ما يصلك منّا",
    intro="اختر ما يصلك، وبأي وسيلة، وكم مرة. لا يمسّ شيءٌ هنا تبرعاتك.",
    categories={
        "subscription": ("أخبار الحملات", "تحديثات ومحطات الحملات التي تدعمها أو تتابعها"),
        "social": ("ما يفعله الناس", "تبرعات وأسئلة وأجوبة حول حملاتك"),
    },
    channels={"email": "البريد الإلكتروني", "push": "على أجهزتك", "in_app": "في التطبيق", "sms": "رسالة نصية"},
    frequencies={
        "instant": "فورًا",
        "hourly": "مجمّعة كل ساعة",
        "daily": "مجمّعة كل يوم في التاسعة",
        "weekly": "مجمّعة كل اثنين في التاسعة",
        "never": "أبدًا",
    },
    required="تصلك الإيصالات ورسائل أمان حسابك دائمًا.",
    quiet="ساعات الهدوء",
    quiet_hint="تصمت الأجهزة والرسائل النصية حينها. أما العاجل وما يخص أمان حسابك فيصل.",
    start="من",
    end="إلى",
    quiet_email="تنتظر رسائل البريد أيضًا",
    zone="المنطقة الزمنية",
    zone_known="كما تعرفها المنصة",
    save="حفظ",
    saved="تم الحفظ.",
    not_saved="لم يُحفظ شيء: في الصفحة ما لا يمكن اختياره.",
    stop_all="إيقاف كل الأخبار",
    out_title="لا مزيد من هذه الرسائل؟",
    out_ask="لن تصلك رسائل بريد عن: {category}. وستبقى الإيصالات ورسائل حسابك تصلك.",
    out_button="إلغاء الاشتراك",
    out_done_title="أُلغي اشتراكك",
    out_done="لن نرسل إليك رسائل بريد عن: {category}.",
    to_page="اختر ما يصلك منّا",
    unknown_title="هذا الرابط لا يعمل",
    unknown="إنه ناقص أو قديم جدًا. افتحه من أحدث رسالة منّا.",
)
LANGUAGES = {"en": ENGLISH, "es": SPANISH, "fr": FRENCH, "ar": ARABIC}


def wished(accepts: str) -> str:
    """The language that an Accept-Language header likes best, of those that the pages speak."""
    bases = (tag.split("-", maxsplit=1)[0] for tag, _ in parse_accept_lang_header(accepts))
    return next((base for base in bases if base in LANGUAGES), "en")


def language(locale: str) -> str:
    """The language of these pages that is nearest to a locale."""
    base = locale.split("-", maxsplit=1)[0]
    return base if base in LANGUAGES else "en"
