const fetch = require('node-fetch');
const headers = {
'Accept':'text/plain',
'Authorization':'Bearer {access-token}'
};
fetch('/archives/{archiveId}',
{
method: 'DELETE',
headers: headers
})
.then(function(res) {
return res.json();
}).then(function(body) {
console.log(body);
});
