//! Country names and codes (ISO 3166-1).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::letters;

/// By alpha-3 code, and by name in plain small letters.
static CODES: LazyLock<BTreeMap<&'static str, &'static str>> = LazyLock::new(|| {
    let rows = TABLE.lines().filter_map(|row| Some((row.get(..2)?, row.get(3..6)?, row.get(7..)?)));
    rows.flat_map(|(alpha2, alpha3, names)| names.split('|').chain([alpha2, alpha3]).map(move |key| (key, alpha2))).collect()
});

/// The alpha-2 code of a country name in English, an alpha-3 or an alpha-2 code, in any case.
pub(super) fn alpha2(country: &str) -> Option<&'static str> {
    let trimmed = country.trim();
    let key = if matches!(trimmed.len(), 2 | 3) && trimmed.is_ascii() {
        let code = CODES.get(trimmed.to_ascii_uppercase().as_str());
        if code.is_some() {
            return code.copied();
        }
        trimmed.to_ascii_lowercase()
    } else {
        letters::plain(trimmed).to_ascii_lowercase()
    };
    CODES.get(key.as_str()).copied()
}

/// Alpha-2, alpha-3, names in plain small letters.
const TABLE: &str = "\
AF AFG afghanistan
AX ALA aland islands|aland
AL ALB albania
DZ DZA algeria
AS ASM american samoa
AD AND andorra
AO AGO angola
AI AIA anguilla
AQ ATA antarctica
AG ATG antigua and barbuda
AR ARG argentina
AM ARM armenia
AW ABW aruba
AU AUS australia
AT AUT austria
AZ AZE azerbaijan
BS BHS bahamas|the bahamas
BH BHR bahrain
BD BGD bangladesh
BB BRB barbados
BY BLR belarus
BE BEL belgium
BZ BLZ belize
BJ BEN benin
BM BMU bermuda
BT BTN bhutan
BO BOL bolivia|plurinational state of bolivia|bolivia, plurinational state of
BQ BES bonaire, sint eustatius and saba|caribbean netherlands
BA BIH bosnia and herzegovina|bosnia
BW BWA botswana
BV BVT bouvet island
BR BRA brazil
IO IOT british indian ocean territory
BN BRN brunei|brunei darussalam
BG BGR bulgaria
BF BFA burkina faso
BI BDI burundi
CV CPV cabo verde|cape verde
KH KHM cambodia
CM CMR cameroon
CA CAN canada
KY CYM cayman islands
CF CAF central african republic
TD TCD chad
CL CHL chile
CN CHN china|people's republic of china
CX CXR christmas island
CC CCK cocos islands|cocos (keeling) islands
CO COL colombia
KM COM comoros
CG COG congo|republic of the congo|congo-brazzaville
CD COD democratic republic of the congo|congo, the democratic republic of the|dr congo|congo-kinshasa
CK COK cook islands
CR CRI costa rica
CI CIV cote d'ivoire|ivory coast
HR HRV croatia
CU CUB cuba
CW CUW curacao
CY CYP cyprus
CZ CZE czechia|czech republic
DK DNK denmark
DJ DJI djibouti
DM DMA dominica
DO DOM dominican republic
EC ECU ecuador
EG EGY egypt
SV SLV el salvador
GQ GNQ equatorial guinea
ER ERI eritrea
EE EST estonia
SZ SWZ eswatini|swaziland
ET ETH ethiopia
FK FLK falkland islands|falkland islands (malvinas)
FO FRO faroe islands
FJ FJI fiji
FI FIN finland
FR FRA france
GF GUF french guiana
PF PYF french polynesia
TF ATF french southern territories
GA GAB gabon
GM GMB gambia|the gambia
GE GEO georgia
DE DEU germany
GH GHA ghana
GI GIB gibraltar
GR GRC greece
GL GRL greenland
GD GRD grenada
GP GLP guadeloupe
GU GUM guam
GT GTM guatemala
GG GGY guernsey
GN GIN guinea
GW GNB guinea-bissau
GY GUY guyana
HT HTI haiti
HM HMD heard island and mcdonald islands
VA VAT holy see|vatican city|vatican
HN HND honduras
HK HKG hong kong|hong kong sar
HU HUN hungary
IS ISL iceland
IN IND india
ID IDN indonesia
IR IRN iran|iran, islamic republic of|islamic republic of iran
IQ IRQ iraq
IE IRL ireland
IM IMN isle of man
IL ISR israel
IT ITA italy
JM JAM jamaica
JP JPN japan
JE JEY jersey
JO JOR jordan
KZ KAZ kazakhstan
KE KEN kenya
KI KIR kiribati
KP PRK north korea|korea, democratic people's republic of|democratic people's republic of korea
KR KOR south korea|korea, republic of|republic of korea|korea
KW KWT kuwait
KG KGZ kyrgyzstan
LA LAO laos|lao people's democratic republic
LV LVA latvia
LB LBN lebanon
LS LSO lesotho
LR LBR liberia
LY LBY libya
LI LIE liechtenstein
LT LTU lithuania
LU LUX luxembourg
MO MAC macao|macau
MG MDG madagascar
MW MWI malawi
MY MYS malaysia
MV MDV maldives
ML MLI mali
MT MLT malta
MH MHL marshall islands
MQ MTQ martinique
MR MRT mauritania
MU MUS mauritius
YT MYT mayotte
MX MEX mexico
FM FSM micronesia|micronesia, federated states of|federated states of micronesia
MD MDA moldova|moldova, republic of|republic of moldova
MC MCO monaco
MN MNG mongolia
ME MNE montenegro
MS MSR montserrat
MA MAR morocco
MZ MOZ mozambique
MM MMR myanmar|burma
NA NAM namibia
NR NRU nauru
NP NPL nepal
NL NLD netherlands|the netherlands|holland
NC NCL new caledonia
NZ NZL new zealand
NI NIC nicaragua
NE NER niger
NG NGA nigeria
NU NIU niue
NF NFK norfolk island
MK MKD north macedonia|macedonia
MP MNP northern mariana islands
NO NOR norway
OM OMN oman
PK PAK pakistan
PW PLW palau
PS PSE palestine|palestine, state of|state of palestine
PA PAN panama
PG PNG papua new guinea
PY PRY paraguay
PE PER peru
PH PHL philippines|the philippines
PN PCN pitcairn
PL POL poland
PT PRT portugal
PR PRI puerto rico
QA QAT qatar
RE REU reunion
RO ROU romania
RU RUS russia|russian federation
RW RWA rwanda
BL BLM saint barthelemy
SH SHN saint helena|saint helena, ascension and tristan da cunha
KN KNA saint kitts and nevis
LC LCA saint lucia
MF MAF saint martin|saint martin (french part)
PM SPM saint pierre and miquelon
VC VCT saint vincent and the grenadines
WS WSM samoa
SM SMR san marino
ST STP sao tome and principe
SA SAU saudi arabia
SN SEN senegal
RS SRB serbia
SC SYC seychelles
SL SLE sierra leone
SG SGP singapore
SX SXM sint maarten|sint maarten (dutch part)
SK SVK slovakia|slovak republic
SI SVN slovenia
SB SLB solomon islands
SO SOM somalia
ZA ZAF south africa
GS SGS south georgia and the south sandwich islands
SS SSD south sudan
ES ESP spain
LK LKA sri lanka
SD SDN sudan
SR SUR suriname
SJ SJM svalbard and jan mayen
SE SWE sweden
CH CHE switzerland
SY SYR syria|syrian arab republic
TW TWN taiwan|taiwan, province of china
TJ TJK tajikistan
TZ TZA tanzania|tanzania, united republic of|united republic of tanzania
TH THA thailand
TL TLS timor-leste|east timor
TG TGO togo
TK TKL tokelau
TO TON tonga
TT TTO trinidad and tobago
TN TUN tunisia
TR TUR turkiye|turkey
TM TKM turkmenistan
TC TCA turks and caicos islands
TV TUV tuvalu
UG UGA uganda
UA UKR ukraine
AE ARE united arab emirates|uae
GB GBR united kingdom|uk|great britain|united kingdom of great britain and northern ireland|england|scotland|wales|northern ireland
US USA united states|united states of america|u.s.|u.s.a.
UM UMI united states minor outlying islands
UY URY uruguay
UZ UZB uzbekistan
VU VUT vanuatu
VE VEN venezuela|venezuela, bolivarian republic of|bolivarian republic of venezuela
VN VNM vietnam|viet nam
VG VGB british virgin islands|virgin islands, british|virgin islands (british)
VI VIR u.s. virgin islands|virgin islands, u.s.|virgin islands (u.s.)
WF WLF wallis and futuna
EH ESH western sahara
YE YEM yemen
ZM ZMB zambia
ZW ZWE zimbabwe";
